//! Random sequences of all changes, and of what payment files will bring, on a few clients: after each
//! step the books are right, and an independent model gives the same balances.
//!
//! `PROPTEST_CASES` says how many sequences (80 unless given).

mod facts;
mod step;
mod world;

use api::clock::Clock;
use api::finance::audit::audit;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tests::{Harness, both_databases};

use self::step::{Sent, sequence};
use self::world::World;

fn cases() -> usize {
    let given = std::env::var("PROPTEST_CASES").ok();
    given.map_or(80, |it| it.parse().unwrap())
}

/// How many simpler sequences are tried once one has failed.
const SIMPLER: usize = 60;

async fn fails(t: &Harness, sequence: &[Sent]) -> Option<String> {
    World::new(t).await.run(sequence).await.err()
}

both_databases! {
    async fn the_books_balance_after_every_step_whatever_happens(t) {
        // Another seed each run: what fails is printed whole.
        let mut runner = TestRunner::new_with_rng(
            Config::default(),
            TestRng::from_seed(RngAlgorithm::ChaCha, &seed()),
        );
        let mut steps = 0;
        for _ in 0..cases() {
            let mut tree = sequence().new_tree(&mut runner).unwrap();
            steps += tree.current().len();
            let Some(mut why) = fails(t, &tree.current()).await else {
                continue;
            };
            let mut least = tree.current();
            for _ in 0..SIMPLER {
                if !tree.simplify() {
                    break;
                }
                match fails(t, &tree.current()).await {
                    Some(simpler) => (why, least) = (simpler, tree.current()),
                    None => { tree.complicate(); }
                }
            }
            panic!("{why}\nafter {least:#?}");
        }
        let mut breaches = Vec::new();
        let takeover = t.clock.now().naive_utc() - chrono::Days::new(36_500);
        audit(&t.db, takeover, |breach| breaches.push(breach.clone())).await.unwrap();
        assert_eq!(breaches, []);
        eprintln!("{steps} steps in {} sequences", cases());
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is to be another one each time"
)]
fn seed() -> [u8; 32] {
    let text = format!("{:?} {}", std::time::SystemTime::now(), std::process::id());
    <sha2::Sha256 as sha2::Digest>::digest(text).into()
}
