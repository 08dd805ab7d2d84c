//! What an instance has crashed of: the runtime's error in our words, with the limit that was hit, its value, and how to raise it.
//!
//! `instance.rs` asks it at the end of an instance. The words are for the app's log.

use std::sync::atomic::Ordering;

use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap};
use wasmtime_wasi::I32Exit;

use super::engine::WASM_STACK_BYTES;
use super::instance::{Broken, Crash, End};
use super::ledger::Exhausted;
use super::link::Link;
use super::store::{HANDLES_MAX, HOSTCALL_BYTES_MAX, RANDOM_BYTES_MAX};
use crate::telemetry::clip;

/// How an instance has ended that the runtime gave up with `error`: one line for the kind of the crash, then the runtime's own
/// words with the guest's stack.
pub(super) fn end_of(link: &Link, error: &wasmtime::Error) -> End {
    let why = error.root_cause().to_string();
    let (crash, kind) = kind_of(link, error, &why);
    // wasmtime's outermost context is the guest's stack.
    let stack = error.to_string();
    // Function names in it are the guest's.
    let text = clip(if stack == why {
        format!("{kind}: {why}")
    } else {
        format!("{kind}: {why}\n{stack}")
    });
    End::Crashed(crash, text)
}

fn kind_of(link: &Link, error: &wasmtime::Error, why: &str) -> (Crash, String) {
    let starved = link.starved.load(Ordering::Relaxed);
    let memory = || {
        format!(
            "(limit `memory`, {} MiB; `memory` below [limits] in wasgi.toml gives it more)",
            link.budget.max() / MIB
        )
    };
    match error.downcast_ref::<Trap>() {
        _ if error.is::<Exhausted>() => (Crash::Cpu, "the CPU budget is used up".into()),
        _ if error.is::<Broken>() => (Crash::Contract, "the instance failed".into()),
        _ if error.is::<PoolConcurrencyLimitError>() => (
            Crash::Host,
            "the host has no room for a further instance (of all its apps together)".into(),
        ),
        Some(Trap::StackOverflow) => {
            let stack = WASM_STACK_BYTES / MIB;
            let kind = format!("the stack is used up ({stack} MiB, the same for every app)");
            (Crash::Stack, kind)
        }
        Some(Trap::UnreachableCodeReached) if starved => {
            let limit = memory();
            let kind = format!("the app aborted after it was refused memory {limit}");
            (Crash::Memory, kind)
        }
        Some(Trap::UnreachableCodeReached) => (
            Crash::Aborted,
            "the app aborted (a panic, or an allocation that was refused)".into(),
        ),
        Some(_) => (Crash::Trapped, "the app trapped".into()),
        None if error.is::<I32Exit>() => (
            Crash::Exit,
            "the app left by `exit`, which ends its instance".into(),
        ),
        None => match bound(error, why) {
            Some(bound) => (
                Crash::Bound,
                format!("the app wanted more than {bound}, which is the same for every app"),
            ),
            None if starved => {
                let kind = format!("the instance was refused memory {}", memory());
                (Crash::Memory, kind)
            }
            None => (Crash::Host, "the instance failed".into()),
        },
    }
}

const MIB: usize = 1024 * 1024;

/// The bound that was passed, if it is one. The runtime has no types for most of these errors; a test hits each bound, so that
/// a new version with other words is found out.
fn bound(error: &wasmtime::Error, why: &str) -> Option<String> {
    if why.contains("store handle limit exceeded")
        || matches!(
            error.downcast_ref::<ResourceTableError>(),
            Some(ResourceTableError::Full)
        )
    {
        return Some(format!(
            "{HANDLES_MAX} handles (resources, streams, futures and what waits for them)"
        ));
    }
    if why.contains("fuel allocated for hostcalls has been exhausted") {
        let max = HOSTCALL_BYTES_MAX / MIB;
        return Some(format!("{max} MiB handed to the host in one call"));
    }
    if why.starts_with("requested len ") {
        let max = RANDOM_BYTES_MAX / 1024;
        return Some(format!("{max} KiB of random bytes in one call"));
    }
    None
}
