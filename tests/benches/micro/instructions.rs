//! How many instructions some pieces of work take, counted by valgrind: the same on every run, whatever else
//! the machine does. `--count` compares with the table beside this file, `--update` writes it anew.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use api::finance::billing_history::assemble;
use futures_util::FutureExt as _;

use crate::history;

/// Events of a history here.
const EVENTS: i32 = 1_000;
/// Work is counted between so many repetitions and so many: the start and the end of the program are not.
const REPEATS: [u64; 2] = [1, 4];
/// The part by which a count may differ from the table.
const TOLERANCE: f64 = 0.05;

/// Does a piece of work so many times.
type Piece = fn(u64);

/// The pieces, by name.
pub(crate) const PIECES: [(&str, Piece); 2] = [("assemble", assembling), ("answer", answering)];

fn assembling(times: u64) {
    let rows = history::rows(EVENTS);
    for _ in 0..times {
        let history = assemble(1, rows.clone()).unwrap();
        assert_eq!(history.events.len(), EVENTS as usize);
    }
}

fn answering(times: u64) {
    let schema = history::schema(EVENTS);
    for _ in 0..times {
        // There is nothing to wait for.
        let response = schema
            .execute(history::request(true))
            .now_or_never()
            .unwrap();
        assert!(history::text(&response).len() > EVENTS as usize);
    }
}

/// Instructions of one repetition.
fn count(name: &str) -> u64 {
    let [few, more] = REPEATS.map(|times| {
        let program = std::env::current_exe().expect("a path of its own");
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program)
            .args(["--repeat", name, &times.to_string()])
            .output()
            .expect("valgrind (Debian: valgrind)");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}");
        let line = text.lines().find_map(|line| line.split_once("Collected :"));
        let (_, counted) = line.unwrap_or_else(|| panic!("callgrind: {text}"));
        counted.trim().parse::<u64>().expect("a number")
    });
    (more - few) / (REPEATS[1] - REPEATS[0])
}

/// Counts all pieces, and compares them with the table or writes it.
#[expect(clippy::print_stdout, reason = "what a person runs it for")]
pub(crate) fn run(is_update: bool) -> ExitCode {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/micro/instructions.txt");
    let table = fs::read_to_string(&path).unwrap_or_default();
    let known = |name: &str| {
        let line = table
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|it| it.trim().parse::<u64>().ok())
    };
    let mut written = String::new();
    let mut is_well = true;
    for (name, _) in PIECES {
        let counted = count(name);
        written.push_str(&format!("{name} {counted}\n"));
        let expected = known(name).unwrap_or(0);
        let apart = counted as f64 / expected.max(1) as f64 - 1.0;
        let is_near = apart.abs() <= TOLERANCE;
        is_well &= is_near;
        match known(name) {
            Some(known) => println!(
                "{name}: {counted} instructions, {:+.1} % of {known}",
                apart * 100.0
            ),
            None => println!("{name}: {counted} instructions; the table has none"),
        }
    }
    if is_update {
        fs::write(&path, written).expect("the table");
        return ExitCode::SUCCESS;
    }
    match is_well {
        true => ExitCode::SUCCESS,
        false => {
            println!(
                "More than {:.0} % apart. If that is meant: make instructions, and commit the table.",
                TOLERANCE * 100.0
            );
            ExitCode::FAILURE
        }
    }
}
