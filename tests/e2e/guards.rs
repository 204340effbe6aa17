//! Every mutation is guarded: whoever has no role is FORBIDDEN each of them.

use std::collections::HashMap;

use api::clock::Clock;
use async_graphql::{EmptySubscription, ErrorExtensions, Object, Schema, SimpleObject};
use serde_json::{Value, json};
use tests::token::{EVENTS_KEY, SECRET, claims, sign};
use tests::{Answer, any_database};

const TYPES: &str = "{ __schema {
    mutationType { name }
    types {
        name kind
        enumValues { name }
        inputFields { name defaultValue type { ...Type } }
        fields(includeDeprecated: true) { name type { ...Type } args(includeDeprecated: true) { name defaultValue type { ...Type } } }
    }
} }
fragment Type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// Names of the mutations that answer with anything but FORBIDDEN, and of all there are.
async fn walk(ask: impl AsyncFn(String) -> Value) -> (Vec<String>, Vec<String>) {
    let schema = ask(TYPES.to_owned()).await["data"]["__schema"].clone();
    let types = schema["types"].as_array().unwrap();
    let types = types
        .iter()
        .map(|it| (it["name"].as_str().unwrap(), it))
        .collect::<HashMap<_, _>>();
    let Some(root) = schema["mutationType"]["name"].as_str() else {
        return (Vec::new(), Vec::new());
    };
    let (mut open, mut all) = (Vec::new(), Vec::new());
    for field in types[root]["fields"].as_array().unwrap() {
        let name = field["name"].as_str().unwrap();
        let arguments = required(&types, &field["args"], ": ");
        let arguments = match arguments.is_empty() {
            true => String::new(),
            false => format!("({arguments})"),
        };
        let selection = match is_leaf(&field["type"]) {
            true => "",
            false => "{ __typename }",
        };
        let answer = ask(format!("mutation {{ {name}{arguments} {selection} }}")).await;
        let errors = answer["errors"].as_array().cloned().unwrap_or_default();
        let is_forbidden = errors.iter().any(|error| {
            error["extensions"]["code"] == "FORBIDDEN" && error["path"] == json!([name])
        });
        if !is_forbidden {
            open.push(format!("{name}: {answer}"));
        }
        all.push(name.to_owned());
    }
    (open, all)
}

/// The required arguments or input fields, each with a value of its type.
fn required(types: &HashMap<&str, &Value>, inputs: &Value, colon: &str) -> String {
    let inputs = inputs.as_array().into_iter().flatten();
    let needed = inputs
        .filter(|input| input["type"]["kind"] == "NON_NULL" && input["defaultValue"].is_null());
    let values = needed.map(|input| {
        let value = value(types, &input["type"]);
        format!("{}{colon}{value}", input["name"].as_str().unwrap())
    });
    values.collect::<Vec<_>>().join(", ")
}

fn value(types: &HashMap<&str, &Value>, kind: &Value) -> String {
    let name = kind["name"].as_str().unwrap_or_default();
    match kind["kind"].as_str().unwrap() {
        "NON_NULL" => value(types, &kind["ofType"]),
        "LIST" => "[]".to_owned(),
        "ENUM" => types[name]["enumValues"][0]["name"]
            .as_str()
            .unwrap()
            .to_owned(),
        "INPUT_OBJECT" => format!(
            "{{ {} }}",
            required(types, &types[name]["inputFields"], ": ")
        ),
        _ => match name {
            "Int" | "Pence" => "1".to_owned(),
            "Boolean" => "true".to_owned(),
            "Date" => "\"2024-05-01\"".to_owned(),
            "DateTime" => "\"2024-05-01T10:00:00Z\"".to_owned(),
            _ => "\"1\"".to_owned(),
        },
    }
}

fn is_leaf(kind: &Value) -> bool {
    match kind["kind"].as_str().unwrap() {
        "NON_NULL" | "LIST" => is_leaf(&kind["ofType"]),
        "SCALAR" | "ENUM" => true,
        _ => false,
    }
}

any_database! {
    async fn no_mutation_lets_a_caller_without_a_role_pass(t) {
        let nobody = sign(&claims(41, &["Case Manager"], t.clock.now().timestamp()), SECRET);
        for token in [nobody.as_str(), EVENTS_KEY] {
            let (open, _) = walk(async |query| {
                let request = t.post().bearer_auth(token).json(&json!({ "query": query }));
                Answer::of(request).await.body
            })
            .await;
            assert_eq!(open, Vec::<String>::new());
        }
    }
}

/// A small schema with a guarded and an unguarded mutation, to see that the walk tells them apart.
struct Nothing;

#[Object]
impl Nothing {
    async fn nothing(&self) -> bool {
        true
    }
}

#[derive(SimpleObject)]
struct Payload {
    done: bool,
}

struct Changes;

#[Object]
impl Changes {
    async fn guarded(&self, number: i32, words: Vec<String>) -> async_graphql::Result<Payload> {
        let _ = (number, words);
        let error = async_graphql::Error::new("no");
        Err(error.extend_with(|_, extensions| extensions.set("code", "FORBIDDEN")))
    }

    #[graphql(deprecation = "use open")]
    async fn old(&self, number: i32) -> Payload {
        Payload { done: number > 0 }
    }

    async fn open(&self, number: i32) -> Payload {
        Payload { done: number > 0 }
    }
}

#[tokio::test]
async fn the_walk_finds_a_mutation_that_has_no_guard() {
    let schema = Schema::new(Nothing, Changes, EmptySubscription);
    let (open, all) =
        walk(async |query| serde_json::to_value(schema.execute(query).await).unwrap()).await;
    assert_eq!(all, ["guarded", "old", "open"]);
    let found = open.iter().map(|it| it.split(':').next().unwrap());
    assert_eq!(found.collect::<Vec<_>>(), ["old", "open"]);
}
