//! The house's own rules: which way modules may look, and the printed schema.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tests::both_databases;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// Lines of code below a folder that name one of the words.
fn lines_that_name(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources(&root().join(folder)) {
        for line in text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            if words.iter().any(|word| names(line, word)) {
                found.push(format!("{}: {line}", path.display()));
            }
        }
    }
    found
}

/// Whether the word stands in the line, and not as the end of a longer one.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(place, _)| {
        let before = line[..place].chars().next_back();
        before.is_none_or(|it| !it.is_alphanumeric() && it != '_')
    })
}

#[test]
fn modules_look_down_never_up_or_across() {
    let upwards: [(&str, &[&str]); 7] = [
        (
            "api/src/finance",
            &[
                "crate::graphql",
                "crate::http",
                "crate::sirius",
                "crate::authentication",
                "crate::demo",
                "crate::dispatch",
                "crate::server",
                "async_graphql",
                "axum",
                "reqwest",
                "http::",
            ],
        ),
        (
            "api/src/dispatch",
            &[
                "crate::graphql",
                "crate::http",
                "crate::sirius",
                "crate::authentication",
                "crate::config",
                "crate::demo",
                "crate::server",
                "async_graphql",
                "axum",
                "entity::",
            ],
        ),
        (
            "api/src/authentication",
            &[
                "crate::graphql",
                "crate::http",
                "crate::finance",
                "crate::sirius",
                "crate::demo",
                "crate::server",
                "crate::config",
                "async_graphql",
                "axum",
                "sea_orm",
                "entity::",
            ],
        ),
        (
            "api/src/sirius",
            &[
                "crate::graphql",
                "crate::http",
                "crate::finance",
                "crate::authentication",
                "crate::config",
                "crate::demo",
                "crate::server",
                "async_graphql",
                "axum",
                "sea_orm",
                "entity::",
            ],
        ),
        (
            "api/src/graphql",
            &[
                "crate::http",
                "crate::demo",
                "crate::server",
                "axum",
                "reqwest",
            ],
        ),
        (
            "entity/src",
            &["api::", "migration::", "async_graphql", "axum"],
        ),
        (
            "migration/src",
            &["api::", "entity::", "async_graphql", "axum"],
        ),
    ];
    for (folder, words) in upwards {
        assert_eq!(
            lines_that_name(folder, words),
            Vec::<String>::new(),
            "{folder}"
        );
    }
}

#[test]
fn resolvers_run_no_sql() {
    let words = [
        "EntityTrait",
        "find_by_id",
        "Statement",
        "query_all",
        "execute_unprepared",
    ];
    assert_eq!(
        lines_that_name("api/src/graphql", &words),
        Vec::<String>::new()
    );
}

#[test]
fn the_printed_schema_is_the_committed_one() {
    let committed = fs::read_to_string(root().join("schema.graphql")).unwrap();
    assert!(
        committed == api::graphql::sdl(),
        "schema.graphql is not the schema; to update it: cargo run -- schema > schema.graphql"
    );
}

both_databases! {
    async fn everything_in_the_schema_is_described(t) {
        let answer = t
            .ask("{ __schema { types { name description
                fields(includeDeprecated: true) { name description args { name description } }
                inputFields { name description }
                enumValues(includeDeprecated: true) { name description } } } }")
            .await;
        let mut bare = Vec::new();
        for kind in answer.data("/__schema/types").as_array().unwrap() {
            collect_bare(kind, "", &mut bare);
        }
        assert_eq!(bare, Vec::<String>::new());
    }
}

/// Names everything of an introspected thing that has no description.
fn collect_bare(thing: &Value, owner: &str, bare: &mut Vec<String>) {
    let name = format!("{owner}{}", thing["name"].as_str().unwrap());
    // The specification's own; its printed form has no place for a description.
    if name.starts_with("__") || name == "ID" {
        return;
    }
    if thing["description"].as_str().is_none_or(str::is_empty) {
        bare.push(name.clone());
    }
    for part in ["fields", "inputFields", "enumValues", "args"] {
        for inner in thing[part].as_array().into_iter().flatten() {
            collect_bare(inner, &format!("{name}."), bare);
        }
    }
}

/// Every fault that the table tells of is tried by the test that its row names.
#[test]
fn each_row_of_the_fault_table_has_its_test() {
    let table = fs::read_to_string(root().join("docs/operations/sirius.md")).unwrap();
    let (_, faults) = table.split_once("## Faults").unwrap();
    let (faults, _) = faults.split_once("## Metrics").unwrap();
    let rows = faults
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let tests = ["tests/e2e", "api/tests"].map(|folder| sources(&root().join(folder)));
    let code = tests.iter().flatten().map(|(_, text)| text.as_str());
    let code = code.collect::<String>();
    let mut seen = 0;
    for row in rows.skip(1) {
        let name = row.trim_end_matches(" |").rsplit("| ").next().unwrap();
        let name = name.trim_matches('`');
        assert!(code.contains(&format!("fn {name}(")), "no test for: {row}");
        seen += 1;
    }
    assert!(seen > 20, "{seen} rows");
}

#[test]
fn the_page_of_settings_is_what_the_program_prints() {
    let page = fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    assert!(
        page == api::config::page(),
        "stale: cargo run -- settings > docs/configuration.md"
    );
}

#[test]
fn every_test_that_the_page_of_the_database_names_is_there() {
    let page = fs::read_to_string(root().join("docs/operations/database.md")).unwrap();
    let code = sources(&root().join("tests/e2e"));
    let code = code.into_iter().map(|(_, text)| text).collect::<String>();
    // Nothing else in code style has so many words.
    let words = page.split('`').filter(|it| it.matches('_').count() > 5);
    let names = words.filter(|it| !it.contains(' ')).collect::<Vec<_>>();
    assert!(names.len() > 12, "{names:?}");
    for name in names {
        assert!(code.contains(&format!("fn {name}(")), "no test {name}");
    }
}

#[test]
fn every_metric_of_the_dashboard_and_the_alerts_is_one_of_ours() {
    let code = sources(&root().join("api/src"));
    let code = code.into_iter().map(|(_, text)| text).collect::<String>();
    let page = fs::read_to_string(root().join("docs/operations/sight.md")).unwrap();
    for file in ["dashboard.json", "alerts.yaml"] {
        let text = fs::read_to_string(root().join("docs/operations").join(file)).unwrap();
        let is_part = |it: char| !it.is_ascii_lowercase() && it != '_';
        let names = text.split(is_part).filter(|it| it.starts_with("finance_"));
        let mut seen = 0;
        for name in names {
            let ends = ["_bucket", "_count", "_sum"];
            let own = ends
                .iter()
                .find_map(|end| name.strip_suffix(end))
                .unwrap_or(name);
            assert!(
                code.contains(&format!("\"{own}\"")),
                "{file}: no metric {own}"
            );
            assert!(
                page.contains(&format!("`{own}`")),
                "sight.md says nothing of {own}"
            );
            seen += 1;
        }
        assert!(seen > 20, "{seen} in {file}");
    }
}
