//! Guests that Rust cannot say: core modules, written by hand in `wat`, with the contract's component around them.
//!
//! A file has what is odd about its guest: imports, if it needs more, and the function `$attack`; `wat/frame` is what all of
//! them are framed with. `tests/build.rs` says where the components go; without it nobody wants them.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const INTO: &str = "WASGI_GUESTS_BY_HAND";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=wat");
    println!("cargo::rerun-if-changed=../../wit");
    println!("cargo::rerun-if-env-changed={INTO}");
    let Some(built) = env::var_os(INTO) else {
        return Ok(());
    };
    let built = Path::new(&built);
    fs::create_dir_all(built)?;
    for entry in fs::read_dir("wat")? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "wat") {
            continue;
        }
        let failed = |error: Box<dyn Error>| format!("{}: {error}", path.display());
        let module = wat::parse_str(framed(&path)?).map_err(|error| failed(error.into()))?;
        let component = component(module).map_err(failed)?;
        let name = path.with_extension("wasm");
        fs::write(built.join(name.file_name().unwrap_or_default()), component)?;
    }
    Ok(())
}

fn framed(path: &Path) -> std::io::Result<String> {
    let read = |part: &str| fs::read_to_string(format!("wat/frame/{part}.wat"));
    let file = fs::read_to_string(path)?;
    let mut parts = vec![read("imports")?, file.clone()];
    for (defines, part) in [("(memory ", "memory"), ("cabi_realloc\"", "realloc")] {
        if !file.contains(defines) {
            parts.push(read(part)?);
        }
    }
    parts.extend([read("take")?, read("run")?]);
    Ok(format!("(module\n{})", parts.concat()))
}

fn component(mut module: Vec<u8>) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path("../../wit")?;
    let world = resolve.select_world(&[package], Some("app"))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    let mut encoder = ComponentEncoder::default();
    Ok(encoder.module(&module)?.validate(true).encode()?)
}
