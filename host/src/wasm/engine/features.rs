//! Which WebAssembly proposals guests may use: those that our toolchains need, and no other.
//!
//! A list of what is on, and not of what is off, so that a newer wasmtime that knows more proposals changes nothing.

use wasmparser::{Validator, WasmFeatures};

/// Core WebAssembly 2.0, which is what LLVM makes for `wasm32-wasip2` (bulk memory, sign extension, saturating
/// conversions, several results, references), floats and SIMD with it, and long table indices, with which its linker
/// writes `call_indirect`, and sums in constants, with which a shared library says where its parts are: a Python app is
/// made of such. Of components: the model itself and its asynchronous calls, without which there is no
/// `run`.
///
/// What is off, and why it could be missed one day: tail calls (an interpreter's loop), exceptions (Rust's unwinding,
/// C++), memory64 and threads (nobody's guest here), garbage collection and typed function references (other
/// languages), several memories in a module, relaxed SIMD (results depend on the processor), wide arithmetic, custom page
/// sizes, stack switching, and of components: stackful lifting, threads, error contexts,
/// maps, lists of fixed length, 64-bit memories.
const ON: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::CALL_INDIRECT_OVERLONG)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL)
    .union(WasmFeatures::CM_ASYNC);

/// Switches off everything else.
pub(super) fn configure(config: &mut wasmtime::Config) {
    config.wasm_features(WasmFeatures::all().difference(ON), false);
}

/// What the proposals of a component say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wasm) enum Validity {
    /// Nothing is wrong with it.
    Here,
    /// It would be valid if more was switched on.
    Elsewhere,
    /// No host takes it.
    Nowhere,
}

impl Validity {
    /// Of these bytes.
    pub(in crate::wasm) fn of(bytes: &[u8]) -> Self {
        let valid = |features| {
            Validator::new_with_features(features)
                .validate_all(bytes)
                .is_ok()
        };
        if valid(ON) {
            Self::Here
        } else if valid(WasmFeatures::all()) {
            Self::Elsewhere
        } else {
            Self::Nowhere
        }
    }
}

#[cfg(test)]
mod tests;
