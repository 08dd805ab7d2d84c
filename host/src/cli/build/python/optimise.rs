//! `wasm-opt -O2` on the interpreter inside a finished component: 5 to 10 % less CPU per request, once for a machine.
//!
//! The interpreter is one of the component's core modules, the same bytes in every app, so that the result is kept by content.
//! The optimiser is Binaryen, which comes from npm and needs Node on the user's machine; without it the component is
//! as good, only slower, and a note says so. Nothing but the payload of that one section changes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use wasgi::error::{Error, Result};
use wasmparser::{Parser, Payload};

use super::{
    digest::Digest,
    home::{Home, cannot_write},
    process,
    progress::{Phase, note},
};

const PACKAGE: &str = include_str!("tools/package.json");
const PACKAGE_LOCK: &str = include_str!("tools/package-lock.json");

/// What the interpreter's module exports and no other does.
const EXPORT: &str = "Py_InitializeFromConfig";

/// What is made of a core module.
const FLAGS: [&str; 11] = [
    "-O2",
    "--mvp-features",
    "--enable-bulk-memory",
    "--enable-extended-const",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-simd",
    "--debuginfo",
];

/// Replaces the interpreter in the component by an optimised one. Says why it did not, and goes on.
pub(super) fn interpreter(home: &Home, component: &Path, offline: bool) -> Result<()> {
    let read = |path: &Path| {
        fs::read(path).map_err(|error| {
            Error::internal(format!("cannot read `{}`", path.display())).because(error)
        })
    };
    let whole = read(component)?;
    let Some(module) = find(&whole) else {
        note("the interpreter in the component was not found, so it is not optimised");
        return Ok(());
    };
    let original = whole.get(module.clone()).unwrap_or_default();
    let digest = Digest::of("optimised 1")
        .with("module", original)
        .with("tool", PACKAGE_LOCK)
        .with("flags", FLAGS.join(" "));
    let name = format!("interpreter-{}", digest.short());
    let optimised = match home.existing(&name) {
        Some(kept) => kept,
        None => match tool(home, offline)? {
            Some(tool) => home.kept(&name, |new| run(home, &tool, original, new))?.0,
            None => return Ok(()),
        },
    };
    let optimised = read(&optimised.join("python.wasm"))?;
    let replaced = replace(&whole, &module, &optimised)
        .ok_or_else(|| Error::internal("the interpreter in the component cannot be replaced"))?;
    fs::write(component, replaced).map_err(|error| cannot_write(component, error))
}

/// Where the payload of the interpreter's module stands in the component.
fn find(component: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut offset = 8;
    while let Some(section) = section(component, offset) {
        let payload = component.get(section.payload.clone())?;
        if section.id == CORE_MODULE && exports_python(payload) {
            return Some(section.payload);
        }
        offset = section.payload.end;
    }
    None
}

/// A core module, as a section of a component.
const CORE_MODULE: u8 = 1;

struct Section {
    id: u8,
    payload: std::ops::Range<usize>,
}

/// The section at `offset` of a component.
fn section(component: &[u8], offset: usize) -> Option<Section> {
    let id = *component.get(offset)?;
    let (size, start) = leb(component, offset.checked_add(1)?)?;
    let end = start.checked_add(size)?;
    (end <= component.len()).then_some(Section {
        id,
        payload: start..end,
    })
}

/// An unsigned 32-bit LEB128 and where it ends.
fn leb(bytes: &[u8], mut offset: usize) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for shift in [0, 7, 14, 21, 28] {
        let byte = *bytes.get(offset)?;
        offset += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, offset));
        }
    }
    None
}

fn exports_python(module: &[u8]) -> bool {
    let mut defines = false;
    let mut exports = false;
    for payload in Parser::new(0).parse_all(module) {
        match payload {
            Ok(Payload::ExportSection(section)) => {
                exports |= section
                    .into_iter()
                    .flatten()
                    .any(|export| export.name == EXPORT);
            }
            Ok(Payload::CodeSectionStart { count, .. }) => defines = count > 1000,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    defines && exports
}

/// The component with the payload of one section replaced.
fn replace(component: &[u8], payload: &std::ops::Range<usize>, module: &[u8]) -> Option<Vec<u8>> {
    // The section's length stands right before its payload, and its id before that.
    let mut offset = 8;
    loop {
        let found = section(component, offset)?;
        if found.payload == *payload {
            break;
        }
        offset = found.payload.end;
    }
    let mut replaced = component.get(..offset)?.to_vec();
    replaced.push(CORE_MODULE);
    let mut size = u32::try_from(module.len()).ok()?;
    loop {
        let low = u8::try_from(size & 0x7f).ok()?;
        size >>= 7;
        if size == 0 {
            replaced.push(low);
            break;
        }
        replaced.push(low | 0x80);
    }
    replaced.extend_from_slice(module);
    replaced.extend_from_slice(component.get(payload.end..)?);
    Some(replaced)
}

/// The optimiser; none where it cannot be had, which is said.
fn tool(home: &Home, offline: bool) -> Result<Option<PathBuf>> {
    let skipped = |why: &str| {
        note(&format!(
            "the interpreter is not optimised (it would take 5 to 10 % less CPU): {why}"
        ));
        Ok(None)
    };
    let name = format!(
        "binaryen-{}",
        Digest::of("binaryen 1").with("lock", PACKAGE_LOCK).short()
    );
    if !starts(home, "node")? {
        return skipped("there is no `node` on this machine");
    }
    let made = home.tool(&name, |folder| fetch(home, folder, offline));
    match made {
        Ok((folder, _)) => Ok(Some(folder.join("node_modules/binaryen/bin/wasm-opt"))),
        Err(error) => skipped(&match std::error::Error::source(&error) {
            Some(why) => format!("{error}: {why}"),
            None => error.to_string(),
        }),
    }
}

fn starts(home: &Home, program: &str) -> Result<bool> {
    let mut command = process::command(program);
    let ended = process::run(command.arg("--version"), &home.scratch("npm")?);
    Ok(ended.is_ok_and(|ended| ended.succeeded()))
}

fn fetch(home: &Home, folder: &Path, offline: bool) -> Result<()> {
    if offline {
        return Err(Error::user(
            "the optimiser is not installed yet, and `--offline` keeps it from being fetched",
        ));
    }
    for (name, text) in [
        ("package.json", PACKAGE),
        ("package-lock.json", PACKAGE_LOCK),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| cannot_write(&path, error))?;
    }
    let mut npm = process::command("npm");
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]);
    npm.current_dir(folder);
    let ended = process::run(&mut npm, &home.scratch("npm")?)?;
    if ended.succeeded() {
        return Ok(());
    }
    Err(Error::user("npm cannot install the optimiser").because(ended.last_words(3)))
}

fn run(home: &Home, tool: &Path, module: &[u8], new: &Path) -> Result<()> {
    let phase = Phase::announced(
        "optimising the interpreter (once, about a minute; `--no-optimize` leaves it as it is)",
    );
    let scratch = home.scratch("optimise")?;
    let input = scratch.join("python.wasm");
    fs::write(&input, module).map_err(|error| cannot_write(&input, error))?;
    let mut node = process::command("node");
    node.arg(tool).args(FLAGS).arg(&input);
    node.arg("-o").arg(new.join("python.wasm"));
    let ended = process::run(&mut node, &scratch)?;
    if !ended.succeeded() {
        return Err(Error::internal("the interpreter cannot be optimised")
            .because(ended.last_words(6))
            .hint("`--no-optimize` leaves it as it is"));
    }
    phase.done("optimised the interpreter");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component of three sections, the second of which is a core module.
    fn component(module: &[u8]) -> Vec<u8> {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        bytes.extend([0, 3, 1, b'a', 9]);
        bytes.push(CORE_MODULE);
        bytes.push(u8::try_from(module.len()).expect("short"));
        bytes.extend(module);
        bytes.extend([0, 2, 1, b'z']);
        bytes
    }

    #[test]
    fn a_section_is_replaced_and_nothing_else() {
        let before = component(b"old");
        let at = section(&before, 13).expect("a section").payload;
        assert_eq!(before.get(at.clone()), Some(&b"old"[..]));
        assert_eq!(replace(&before, &at, b"newer"), Some(component(b"newer")));
        let long = vec![7; 300];
        let after = replace(&before, &at, &long).expect("replaced");
        let found = section(&after, 13).expect("a section");
        assert_eq!(after.get(found.payload.clone()), Some(&long[..]));
        assert_eq!(after.get(found.payload.end..), Some(&[0, 2, 1, b'z'][..]));
    }

    #[test]
    fn a_component_that_is_cut_off_has_no_interpreter() {
        let whole = component(b"\0asm\x01\0\0\0");
        for end in 0..=whole.len() {
            assert_eq!(find(whole.get(..end).unwrap_or_default()), None);
        }
    }
}
