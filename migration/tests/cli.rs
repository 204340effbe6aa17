//! Binary `migration` as a person runs it.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking; its helper functions too"
)]

use std::path::Path;
use std::process::{Command, Output};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_migration"))
        .args(arguments)
        .env_remove("RUST_LOG")
        .env(
            "DATABASE_URL",
            format!("sqlite://{}", folder.join("books.db").display()),
        )
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn up_status_down_and_fresh_say_what_they_did() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();

    let up = run(folder, &["up", "--steps", "2"]);
    assert!(up.status.success(), "{}", err(&up));
    assert_eq!(out(&up).lines().count(), 2);
    assert!(
        out(&up).starts_with("applied  m20261121_000001_baseline"),
        "{}",
        out(&up)
    );

    let status = out(&run(folder, &["status"]));
    let applied = status
        .lines()
        .filter(|line| line.starts_with("applied  "))
        .count();
    let pending = status
        .lines()
        .filter(|line| line.starts_with("pending  "))
        .count();
    assert_eq!(applied, 2, "{status}");
    assert!(pending > 5, "{status}");

    assert!(run(folder, &["up"]).status.success());
    assert_eq!(out(&run(folder, &["up"])), "nothing to apply\n");

    let down = out(&run(folder, &["down", "-n", "1"]));
    assert!(down.starts_with("taken back  m2026"), "{down}");

    let refused = run(folder, &["fresh"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        err(&refused).contains("add --destroy books.db"),
        "{}",
        err(&refused)
    );
    assert_eq!(out(&refused), "");
    assert!(
        run(folder, &["fresh", "--destroy", "books.db"])
            .status
            .success()
    );
}

#[test]
fn status_of_a_missing_file_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let status = run(folder.path(), &["status"]);
    assert_eq!(status.status.code(), Some(1));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_wrong_database_is_named_without_its_password() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_migration"));
    let output = command
        .arg("up")
        .env("DATABASE_URL", "mysql://root:secret@host/db")
        .output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).contains("not a database URL"),
        "{}",
        err(&output)
    );
    assert!(!err(&output).contains("secret"), "{}", err(&output));
}

#[test]
fn without_a_database_nothing_is_tried() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_migration"));
    let output = command
        .arg("up")
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("DATABASE_URL"), "{}", err(&output));
}
