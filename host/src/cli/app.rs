//! From the APP that was typed to a component on disk: a folder or a Python module is built, a file is taken as it is.
//!
//! `serve` and `build` start here. It does not look into the component: the library checks it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use wasgi::{
    config::{
        Manifest,
        manifest::{Build, FILE_NAME, PythonBuild, RustBuild, app_problem, app_suggestion},
        name_suggestion,
    },
    error::{Error, Result},
    wasm::files,
};

use super::{
    CacheArgs, SourceArgs,
    build::{
        python::{self, Mode},
        rust::{self, CargoFlags},
    },
};

/// An app that is ready to be loaded.
pub(crate) struct Source {
    /// What its `wasgi.toml` says, or a name and nothing else.
    pub(crate) manifest: Manifest,
    /// The component.
    pub(crate) wasm: PathBuf,
    /// The app's folder, where there is one.
    pub(crate) folder: Option<PathBuf>,
}

/// Finds the app, builds it if it is a folder or a module, and reads its manifest.
pub(crate) fn resolve(
    app: &Path,
    manifest: Option<&Path>,
    flags: &SourceArgs,
    cache: &CacheArgs,
) -> Result<Source> {
    match find(app, manifest, flags)? {
        Found::Component(manifest) => Ok(Source {
            manifest,
            wasm: app.to_owned(),
            folder: None,
        }),
        Found::Folder(folder, manifest) => {
            let wasm = match &manifest.build {
                Build::Rust(build) => rust::build(&folder, build, cargo(flags), None)?,
                Build::Python(build) => {
                    only_for_rust(flags)?;
                    python(&folder, &manifest, build, Mode::Snapshot, flags, cache)?
                }
            };
            Ok(Source {
                manifest,
                wasm,
                folder: Some(folder),
            })
        }
    }
}

/// As [`resolve`], for an app whose sources change while it is served. A Rust app is built; a Python app is not: its
/// component has the interpreter and the dependencies in it, and `folder` is what belongs at the guest's `/1`.
///
/// When only a Python app's own files have changed it builds nothing, and takes milliseconds. `heard` gets what the
/// build's tools print to the terminal.
pub(crate) fn resolve_live(
    app: &Path,
    manifest: Option<&Path>,
    flags: &SourceArgs,
    cache: &CacheArgs,
    heard: Option<&mut String>,
) -> Result<Source> {
    let (folder, manifest) = match find(app, manifest, flags)? {
        Found::Folder(folder, manifest) => (folder, manifest),
        Found::Component(_) => {
            return Err(Error::user("a component has no sources to reload").hint(
                "give `module:attribute` or the app's folder, or serve it without `--reload`",
            ));
        }
    };
    let wasm = match &manifest.build {
        Build::Rust(build) => rust::build(&folder, build, cargo(flags), heard)?,
        Build::Python(build) => {
            only_for_rust(flags)?;
            python(&folder, &manifest, build, Mode::Live, flags, cache)?
        }
    };
    Ok(Source {
        manifest,
        wasm,
        folder: Some(folder),
    })
}

/// What was typed.
enum Found {
    Component(Manifest),
    Folder(PathBuf, Manifest),
}

fn find(app: &Path, manifest: Option<&Path>, flags: &SourceArgs) -> Result<Found> {
    let manifest = manifest.map(Manifest::load_file).transpose()?;
    match fs::metadata(app) {
        Ok(found) if found.is_dir() => {
            only_for_modules(flags)?;
            let mut manifest = match manifest {
                Some(manifest) => manifest,
                None => Manifest::load(app).map_err(|error| suggest_python(app, error))?,
            };
            factory(&mut manifest, flags)?;
            Ok(Found::Folder(app.to_owned(), manifest))
        }
        Ok(_) if app.extension().is_some_and(|end| end == "py") => Err(not_a_module(app)),
        Ok(_) => {
            only_for_modules(flags)?;
            let manifest = manifest.unwrap_or_else(|| of_component(app));
            Ok(Found::Component(manifest))
        }
        Err(error) => match app.to_str().filter(|typed| typed.contains(':')) {
            Some(typed) => module(typed, manifest, flags),
            None => Err(nowhere(app, error, flags)),
        },
    }
}

/// `module:attribute`, as uvicorn takes it, in a folder that may have a `wasgi.toml`.
fn module(typed: &str, manifest: Option<Manifest>, flags: &SourceArgs) -> Result<Found> {
    if let Some(problem) = app_problem(typed) {
        let better = app_suggestion(typed).unwrap_or_else(|| "main:app".to_owned());
        let what = format!("`{typed}` is neither a file nor a Python app: it {problem}");
        return Err(Error::user(what).hint(format!("for example `{better}`")));
    }
    let folder = flags.app_dir.clone().unwrap_or_else(|| PathBuf::from("."));
    if !folder.is_dir() {
        return Err(
            Error::user(format!("there is no folder `{}`", folder.display()))
                .hint("`--app-dir` is the folder that the module is in"),
        );
    }
    let mut manifest = match manifest {
        Some(manifest) => manifest,
        None if folder.join(FILE_NAME).exists() => Manifest::load(&folder)?,
        None => Manifest::named(name_of_folder(&folder)),
    };
    manifest.build = match manifest.build {
        Build::Python(build) => Build::Python(PythonBuild {
            app: typed.to_owned(),
            ..build
        }),
        // What a manifest says that does not say what the app is written in.
        Build::Rust(build) if build == RustBuild::default() => {
            Build::Python(PythonBuild::of(typed.to_owned()))
        }
        Build::Rust(_) => {
            let what = format!("`{typed}` is Python, and the `{FILE_NAME}` there is of a Rust app");
            return Err(Error::user(what).hint("serve the folder itself, or give `--app-dir`"));
        }
    };
    factory(&mut manifest, flags)?;
    Ok(Found::Folder(folder, manifest))
}

/// `--factory` and `--no-optimize` are settings of the build that were typed.
fn factory(manifest: &mut Manifest, flags: &SourceArgs) -> Result<()> {
    match &mut manifest.build {
        Build::Python(build) => {
            build.factory |= flags.factory;
            build.optimize &= !flags.no_optimize;
            Ok(())
        }
        Build::Rust(_) if flags.factory => Err(not_for("--factory", "Python")),
        Build::Rust(_) if flags.no_optimize => Err(not_for("--no-optimize", "Python")),
        Build::Rust(_) => Ok(()),
    }
}

fn only_for_modules(flags: &SourceArgs) -> Result<()> {
    match flags.app_dir {
        None => Ok(()),
        Some(_) => Err(Error::user("`--app-dir` goes with `module:attribute`")
            .hint("for example `wasgi serve main:app --app-dir src`")),
    }
}

fn only_for_rust(flags: &SourceArgs) -> Result<()> {
    if flags.locked {
        return Err(not_for("--locked", "Rust"));
    }
    Ok(())
}

fn not_for(flag: &str, language: &str) -> Error {
    Error::user(format!("`{flag}` is for {language} apps, and this is none")).hint("leave it out")
}

fn cargo(flags: &SourceArgs) -> CargoFlags {
    CargoFlags {
        locked: flags.locked,
        offline: flags.offline,
    }
}

fn python(
    folder: &Path,
    manifest: &Manifest,
    build: &PythonBuild,
    mode: Mode,
    flags: &SourceArgs,
    cache: &CacheArgs,
) -> Result<PathBuf> {
    let request = python::Request {
        folder,
        name: &manifest.name,
        build,
        env: &manifest.env,
        mode,
        offline: flags.offline,
        cache: !cache.no_cache,
    };
    python::build(&request)
}

/// A component on its own: its name is the file's, and what it was made from is seen in it.
fn of_component(wasm: &Path) -> Manifest {
    let mut manifest = Manifest::named(name_of(wasm));
    if files::are_in(wasm) {
        // Where the app is in it is known to the component itself; what this decides are the defaults of its limits.
        manifest.build = Build::Python(PythonBuild::of("main:app".to_owned()));
    }
    manifest
}

/// The file's name without its ending, made legal.
fn name_of(wasm: &Path) -> String {
    let stem = wasm
        .file_stem()
        .and_then(|stem| name_suggestion(&stem.to_string_lossy()));
    stem.unwrap_or_else(|| "app".to_owned())
}

fn name_of_folder(folder: &Path) -> String {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let name = folder
        .file_name()
        .and_then(|name| name_suggestion(&name.to_string_lossy()));
    name.unwrap_or_else(|| "app".to_owned())
}

/// A folder without a manifest that looks like Python gets the command that serves it.
fn suggest_python(folder: &Path, error: Error) -> Error {
    let guessed = python::guess(folder).filter(|_| !folder.join(FILE_NAME).exists());
    match guessed {
        Some(app) => {
            let place = match folder.to_string_lossy().as_ref() {
                "." | "./" => String::new(),
                folder => format!(" --app-dir {folder}"),
            };
            let found = format!(
                "it looks like Python: `wasgi serve {app}{place}`; or put a `{FILE_NAME}` there with \
                 `name = \"{}\"` and `app = \"{app}\"`",
                name_of_folder(folder)
            );
            Error::user(error.to_string()).hint(found)
        }
        None => error,
    }
}

fn not_a_module(file: &Path) -> Error {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let attribute = python::guess_attribute(file).unwrap_or_else(|| "app".to_owned());
    let place = folder.map_or(String::new(), |folder| {
        format!(" --app-dir {}", folder.display())
    });
    Error::user(format!(
        "`{}` is a file of Python, not an app",
        file.display()
    ))
    .because("an app is a module and what is the app in it")
    .hint(format!("try `wasgi serve {stem}:{attribute}{place}`"))
}

fn nowhere(app: &Path, error: std::io::Error, flags: &SourceArgs) -> Error {
    let what = format!("cannot find the app `{}`", app.display());
    let folder = flags.app_dir.clone().unwrap_or_else(|| PathBuf::from("."));
    let file = folder.join(app.with_extension("py"));
    if file.is_file() && app.components().count() == 1 {
        let attribute = python::guess_attribute(&file).unwrap_or_else(|| "app".to_owned());
        return Error::user(what)
            .because(error)
            .hint(format!("a Python app is `{}:{attribute}`", app.display()));
    }
    Error::user(what).because(error).hint(
        "give the folder of an app, a component (`.wasm`), or `module:attribute` of a Python app",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(app: &str, flags: &SourceArgs) -> (String, String) {
        let cache = CacheArgs {
            no_cache: true,
            ..CacheArgs::default()
        };
        let error = resolve(Path::new(app), None, flags, &cache).err();
        let error = error.expect("refused");
        let hint = error.hint_text().unwrap_or_default().to_owned();
        (error.to_string(), hint)
    }

    #[test]
    fn a_component_is_named_after_its_file() {
        assert_eq!(name_of(Path::new("target/My_App.wasm")), "my-app");
        assert_eq!(name_of(Path::new("7.wasm")), "app");
    }

    #[test]
    fn a_component_that_brings_files_has_the_limits_of_python() {
        let wasm = std::env::temp_dir().join(format!("wasgi-app-{}.wasm", std::process::id()));
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        fs::write(&wasm, &bytes).expect("a file");
        assert!(matches!(of_component(&wasm).build, Build::Rust(_)));
        bytes.extend(files::section(b"archive"));
        fs::write(&wasm, &bytes).expect("a file");
        assert!(matches!(of_component(&wasm).build, Build::Python(_)));
        fs::remove_file(&wasm).expect("ours");
    }

    #[test]
    fn an_app_that_is_not_there_is_the_users_to_fix() {
        let (what, hint) = refusal("no/such/app", &SourceArgs::default());
        assert_eq!(what, "cannot find the app `no/such/app`");
        assert!(hint.contains("module:attribute"), "{hint}");
    }

    #[test]
    fn what_has_a_colon_and_is_no_file_is_a_module() {
        let flags = SourceArgs {
            app_dir: Some(PathBuf::from("no/such/folder")),
            ..SourceArgs::default()
        };
        assert_eq!(
            refusal("main:app", &flags).0,
            "there is no folder `no/such/folder`"
        );
        let (what, hint) = refusal("src/main.py:app", &flags);
        assert!(what.contains("neither a file nor a Python app"), "{what}");
        assert_eq!(hint, "for example `src.main:app`");
    }

    #[test]
    fn a_flag_of_the_other_language_is_an_error() {
        let rust = env!("CARGO_MANIFEST_DIR").to_owned() + "/../apps/hello";
        let flags = SourceArgs {
            factory: true,
            ..SourceArgs::default()
        };
        assert!(
            refusal(&rust, &flags)
                .0
                .contains("`--factory` is for Python")
        );
        let flags = SourceArgs {
            app_dir: Some(PathBuf::from(".")),
            ..SourceArgs::default()
        };
        assert!(refusal(&rust, &flags).0.contains("`--app-dir` goes with"));
    }
}
