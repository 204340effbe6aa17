//! One request to the routes; libFuzzer ends at the first panic, also at one that the service would have
//! caught, and at the first answer that is a fault of the service.
#![no_main]

use std::sync::{LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use tests::fuzz::{INPUTS, Target};
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// The service, and how many inputs it was given.
static SERVICE: Mutex<Option<(Target, usize)>> = Mutex::new(None);

fuzz_target!(|bytes: &[u8]| {
    let mut service = SERVICE.lock().expect("a panic ends the run");
    RUNTIME.block_on(async {
        let (target, count) = match service.take() {
            Some((target, count)) if count < INPUTS => (target, count + 1),
            old => {
                if let Some((target, _)) = old {
                    target.stop().await;
                }
                (Target::start().await, 1)
            }
        };
        let fault = target.send(bytes).await.and_then(|outcome| {
            let fault = outcome.fault?;
            Some(format!("{fault}\n{}", outcome.sent))
        });
        *service = Some((target, count));
        if let Some(fault) = fault {
            panic!("{fault}");
        }
    });
});
