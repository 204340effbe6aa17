//! One request to the routes; libFuzzer ends at the first panic, also at one that the service would have
//! caught, and at the first answer that is a fault of the service.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tests::fuzz::Target;
use tokio::runtime::Runtime;

static SERVICE: OnceLock<(Runtime, Target)> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let (runtime, target) = SERVICE.get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let target = runtime.block_on(Target::start());
        (runtime, target)
    });
    if let Some(outcome) = runtime.block_on(target.send(bytes))
        && let Some(fault) = outcome.fault
    {
        panic!("{fault}\n{}", outcome.sent);
    }
});
