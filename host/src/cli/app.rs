//! From the APP that was typed to a component on disk: a folder is built, a file is taken as it is.
//!
//! `serve` and `build` start here. It does not look into the component: the library checks it.

use std::{fs, path::Path, path::PathBuf};

use wasgi::{
    config::{Manifest, name_suggestion},
    error::{Error, Result},
};

use super::{CargoArgs, build};

/// An app that is ready to be loaded.
pub(crate) struct Source {
    /// What its `wasgi.toml` says, or a name and nothing else.
    pub(crate) manifest: Manifest,
    /// The component.
    pub(crate) wasm: PathBuf,
}

/// Finds the app, builds it if it is a folder, and reads its manifest.
pub(crate) fn resolve(app: &Path, manifest: Option<&Path>, cargo: CargoArgs) -> Result<Source> {
    let found = fs::metadata(app).map_err(|error| {
        Error::user(format!("cannot find the app `{}`", app.display()))
            .because(error)
            .hint("give the folder of an app, or a component (`.wasm`)")
    })?;
    let manifest = manifest.map(Manifest::load_file).transpose()?;
    if found.is_dir() {
        let manifest = manifest.map_or_else(|| Manifest::load(app), Ok)?;
        let wasm = build::rust(app, &manifest.build, cargo)?;
        return Ok(Source { manifest, wasm });
    }
    let manifest = manifest.unwrap_or_else(|| Manifest::named(name_of(app)));
    Ok(Source {
        manifest,
        wasm: app.to_owned(),
    })
}

/// The file's name without its ending, made legal.
fn name_of(wasm: &Path) -> String {
    let stem = wasm
        .file_stem()
        .and_then(|stem| name_suggestion(&stem.to_string_lossy()));
    stem.unwrap_or_else(|| "app".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_named_after_its_file() {
        assert_eq!(name_of(Path::new("target/My_App.wasm")), "my-app");
        assert_eq!(name_of(Path::new("7.wasm")), "app");
    }

    #[test]
    fn an_app_that_is_not_there_is_the_users_to_fix() {
        let error = resolve(Path::new("no/such/app"), None, CargoArgs::default()).err();
        let error = error.expect("nothing is there");
        assert_eq!(error.to_string(), "cannot find the app `no/such/app`");
        assert!(error.hint_text().is_some());
    }
}
