//! Compiling itself: reads a component, says what is wrong with it, and writes machine code.
//!
//! The host's own process calls it, or the one that it has started for it.

use std::fs::File;
use std::io::{Read, Seek, Write};

use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use super::Order;
use crate::error::{Error, Result};
use crate::wasm::Engine;
use crate::wasm::app::{COMPONENT_BYTES_MAX, hex};
use crate::wasm::engine::{MEMORIES_MAX, Places, TABLES_MAX, Validity};

/// What and hint of a component with too many parts.
const TOO_MUCH: (&str, &str) = (
    "needs more than an app can have",
    "an app has up to 4 memories and 16 tables of 100,000 entries; build it as one component",
);

pub(super) fn compile(engine: &wasmtime::Engine, order: &Order<'_>, to: &File) -> Result<()> {
    let bytes = read(order)?;
    check_preamble(order.shown, &bytes)?;
    // It is not loaded: this process may not be allowed to make memory executable.
    let code = engine
        .precompile_component(&bytes)
        .map_err(|error| invalid(order.shown, &bytes, error))?;
    let mut to = to;
    to.write_all(&code).map_err(|error| {
        Error::user(format!(
            "cannot write the compiled code of `{}`",
            order.shown
        ))
        .because(error)
        .hint("is the disk full? WASGI_CACHE_DIR, or TMPDIR without a cache, says where it goes")
    })
}

/// What a process that compiles for another one does: `from` a component with this digest, `to` its machine code. Nothing
/// of the component runs. `tight`: the code is for a process with few addresses ([`Places::Tight`]).
///
/// # Errors
/// When the component is not valid here, or is another one.
pub fn compile_to(from: &File, to: &File, shown: &str, digest: &str, tight: bool) -> Result<()> {
    let places = if tight {
        Places::Tight
    } else {
        Places::OnDemand
    };
    let engine = Engine::compiler_for(places)?;
    let order = Order {
        shown,
        digest,
        file: from,
    };
    compile(&engine, &order, to)
}

/// An error in the words that the process on the other side makes it of again; one line.
pub fn refusal(error: &Error) -> String {
    super::child::Refusal::of(error).line()
}

/// A small component may ask for the places of many. The pool refuses it, too; this says so before, and where there is no pool.
pub(in crate::wasm) fn check_resources(shown: &str, component: &Component) -> Result<()> {
    let why = match component.resources_required() {
        None => "it imports core modules".to_owned(),
        Some(needs) if needs.num_memories > MEMORIES_MAX => {
            format!("it has {} memories", needs.num_memories)
        }
        Some(needs) if needs.num_tables > TABLES_MAX => {
            format!("it has {} tables", needs.num_tables)
        }
        Some(_) => return Ok(()),
    };
    Err(too_much(shown, why.into()))
}

/// A component that is valid and needs more than it can have.
pub(super) fn too_much(shown: &str, why: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::user(format!("`{shown}` {}", TOO_MUCH.0))
        .because(why)
        .hint(TOO_MUCH.1)
}

fn read(order: &Order<'_>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = order.file;
    file.rewind()
        .and_then(|()| file.take(COMPONENT_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(|error| {
            Error::user(format!("cannot read `{}`", order.shown))
                .because(error)
                .hint("is the disk damaged, or the file on a network that is gone?")
        })?;
    if hex(&Sha256::digest(&bytes)) == order.digest {
        return Ok(bytes);
    }
    Err(
        Error::user(format!("`{}` changed while it was loaded", order.shown))
            .hint("try again when it has been written"),
    )
}

/// Tells apart what people mistake for a component, before a compiler does it in its own words.
fn check_preamble(shown: &str, bytes: &[u8]) -> Result<()> {
    match bytes.get(..8) {
        Some(b"\0asm\x0d\0\x01\0") => Ok(()),
        Some(b"\0asm\x01\0\0\0") => Err(Error::user(format!(
            "`{shown}` is a core WebAssembly module, not a component"
        ))
        .hint("build for the target `wasm32-wasip2`, as `wasgi build` does")),
        _ => Err(Error::user(format!("`{shown}` is not WebAssembly"))
            .because(if bytes.is_empty() {
                "the file is empty"
            } else {
                "it does not begin with the header of a WebAssembly file"
            })
            .hint("give a component (`.wasm`), or the folder of an app with its `wasgi.toml`")),
    }
}

/// Why a component is not compiled.
fn invalid(shown: &str, bytes: &[u8], error: wasmtime::Error) -> Error {
    let (what, hint) = match Validity::of(bytes) {
        Validity::Here => TOO_MUCH,
        Validity::Elsewhere => (
            "uses a WebAssembly feature that is switched off here",
            "build for plain `wasm32-wasip2`, without `-C target-feature` and without threads",
        ),
        Validity::Nowhere => (
            "is not a valid WebAssembly component",
            "the file may be cut off; build it again with `wasgi build`",
        ),
    };
    Error::user(format!("`{shown}` {what}"))
        .because(error)
        .hint(hint)
}
