//! `wasgi new`: a folder with an app that builds, serves and is tested at once.
//!
//! The templates are files in `host/templates`, embedded in the program. It decides the name, the
//! folder and where the SDK comes from, and says so; everything else is the template's.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use wasgi::{
    config::{name_problem, name_suggestion},
    error::{Error, Result},
};

use super::{NewArgs, Template, report};

/// The files of a template: where they go and what is in them.
type Files = [(&'static str, &'static str)];

const ASGI: &Files = &[
    (
        "Cargo.toml",
        include_str!("../../templates/asgi/Cargo.toml.in"),
    ),
    ("README.md", include_str!("../../templates/asgi/README.md")),
    ("src/lib.rs", include_str!("../../templates/asgi/lib.rs")),
    ("wasgi.toml", include_str!("../../templates/wasgi.toml.in")),
    (".gitignore", include_str!("../../templates/gitignore")),
];

const AXUM: &Files = &[
    (
        "Cargo.toml",
        include_str!("../../templates/axum/Cargo.toml.in"),
    ),
    ("README.md", include_str!("../../templates/axum/README.md")),
    ("src/lib.rs", include_str!("../../templates/axum/lib.rs")),
    ("wasgi.toml", include_str!("../../templates/wasgi.toml.in")),
    (".gitignore", include_str!("../../templates/gitignore")),
];

const STARLETTE: &Files = &[
    ("main.py", include_str!("../../templates/starlette/main.py")),
    (
        "tests/test_main.py",
        include_str!("../../templates/starlette/test_main.py"),
    ),
    (
        "requirements.txt",
        include_str!("../../templates/starlette/requirements.txt"),
    ),
    (
        "README.md",
        include_str!("../../templates/starlette/README.md"),
    ),
    (
        "requirements-dev.txt",
        include_str!("../../templates/requirements-dev.txt"),
    ),
    ("pytest.ini", include_str!("../../templates/pytest.ini")),
    ("wasgi.toml", include_str!("../../templates/python.toml.in")),
    (
        ".gitignore",
        include_str!("../../templates/python.gitignore"),
    ),
];

const FASTAPI: &Files = &[
    ("main.py", include_str!("../../templates/fastapi/main.py")),
    (
        "tests/test_main.py",
        include_str!("../../templates/fastapi/test_main.py"),
    ),
    (
        "requirements.txt",
        include_str!("../../templates/fastapi/requirements.txt"),
    ),
    (
        "README.md",
        include_str!("../../templates/fastapi/README.md"),
    ),
    (
        "requirements-dev.txt",
        include_str!("../../templates/requirements-dev.txt"),
    ),
    ("pytest.ini", include_str!("../../templates/pytest.ini")),
    ("wasgi.toml", include_str!("../../templates/python.toml.in")),
    (
        ".gitignore",
        include_str!("../../templates/python.gitignore"),
    ),
];

/// Names that are legal for us and not for cargo, or that the templates depend on.
const TAKEN: &str = "abstract alloc as async await axum become box break build const continue core crate deps \
    do dyn else enum examples extern false final fn for gen if impl in incremental let loop \
    macro match mod move mut override priv proc-macro pub ref return self serde static std \
    struct super test trait true try type typeof unsafe use wasgi-sdk \
    wasgi-sdk-core where while";

/// Makes the folder and says what to do next.
pub(super) fn run(args: &NewArgs) -> anyhow::Result<ExitCode> {
    let name = name_of(&args.path)?;
    let sdk = match args.template.is_rust() {
        true => Some(Sdk::choose(args.sdk_path.as_deref())?),
        false if args.sdk_path.is_some() => {
            let what = "`--sdk-path` is for Rust apps: the Python SDK is in this program";
            return Err(Error::user(what).hint("leave it out").into());
        }
        false => None,
    };
    make(&args.path, &name, args.template, sdk.as_ref())?;
    let folder = args.path.display();
    report::say(&format!("made the app `{name}` in `{folder}`"));
    if let Some(sdk) = sdk {
        report::say(&sdk.note());
    }
    report::say(&format!("next: wasgi serve {folder}"));
    report::data(&folder.to_string())?;
    Ok(ExitCode::SUCCESS)
}

impl Template {
    fn is_rust(self) -> bool {
        matches!(self, Self::Asgi | Self::Axum)
    }

    fn files(self) -> &'static Files {
        match self {
            Self::Asgi => ASGI,
            Self::Axum => AXUM,
            Self::Starlette => STARLETTE,
            Self::Fastapi => FASTAPI,
        }
    }

    /// What the build requests, as it stands in the manifest's list.
    fn warm_up(self) -> &'static str {
        match self {
            Self::Fastapi => r#""/", "/docs", "/openapi.json""#,
            _ => r#""/""#,
        }
    }
}

/// Where the new app takes its SDK from.
#[derive(Debug)]
enum Sdk {
    /// The folder that `--sdk-path` names.
    Given(PathBuf),
    /// The checkout that this program was built from.
    Checkout(PathBuf),
    /// crates.io.
    Released,
}

impl Sdk {
    fn choose(given: Option<&Path>) -> Result<Self> {
        if let Some(folder) = given {
            return sdk_in(folder).map(Self::Given).ok_or_else(|| {
                let what = format!("there is no wasgi-sdk in `{}`", folder.display());
                Error::user(what).hint("give the folder `guest-sdk` of a checkout of wasgi")
            });
        }
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-sdk");
        Ok(sdk_in(&checkout).map_or(Self::Released, Self::Checkout))
    }

    /// The right-hand side of `wasgi-sdk = ...`.
    fn dependency(&self) -> String {
        match self {
            Self::Given(folder) | Self::Checkout(folder) => {
                let path = toml::Value::String(folder.to_string_lossy().into_owned());
                format!("{{ path = {path} }}")
            }
            Self::Released => {
                let (major, minor) = (
                    env!("CARGO_PKG_VERSION_MAJOR"),
                    env!("CARGO_PKG_VERSION_MINOR"),
                );
                format!("\"{major}.{minor}\"")
            }
        }
    }

    fn note(&self) -> String {
        match self {
            Self::Given(folder) => {
                format!(
                    "note: it depends on the wasgi-sdk in `{}`, as given",
                    folder.display()
                )
            }
            Self::Checkout(folder) => format!(
                "note: it depends on the wasgi-sdk in `{}`, the checkout that this wasgi was built \
                 from; `--sdk-path` names another",
                folder.display()
            ),
            Self::Released => format!(
                "note: it depends on wasgi-sdk {} from crates.io, where it has not been released \
                 yet: until then, use `--sdk-path` with the folder `guest-sdk` of a checkout",
                self.dependency()
            ),
        }
    }
}

/// The folder as an absolute path, if it holds our SDK.
fn sdk_in(folder: &Path) -> Option<PathBuf> {
    let manifest: toml::Table = fs::read_to_string(folder.join("Cargo.toml"))
        .ok()?
        .parse()
        .ok()?;
    let name = manifest.get("package")?.get("name")?.as_str()?;
    if name != "wasgi-sdk" {
        return None;
    }
    fs::canonicalize(folder).ok()
}

/// The name of the app: the last part of the path, which has to be legal.
fn name_of(path: &Path) -> Result<String> {
    // `wasgi new .` means the folder that we are in.
    let absolute = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = absolute
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let refuse = |why: String, better: Option<String>| {
        let hint = match better {
            Some(better) => format!("try `wasgi new {}`", path.with_file_name(better).display()),
            None => "for example `wasgi new hello`".to_owned(),
        };
        Err(Error::user(format!("an app cannot be called `{name}`"))
            .because(why)
            .hint(hint))
    };
    if let Some(problem) = name_problem(&name) {
        return refuse(format!("the name {problem}"), name_suggestion(&name));
    }
    if TAKEN.split(' ').any(|taken| taken == name) {
        let why = "cargo or Rust uses this name for something else".to_owned();
        return refuse(why, Some(format!("{name}-app")));
    }
    Ok(name)
}

fn make(folder: &Path, name: &str, template: Template, sdk: Option<&Sdk>) -> Result<()> {
    check_vacant(folder)?;
    let sdk = sdk.map(Sdk::dependency).unwrap_or_default();
    for (path, content) in template.files() {
        let path = folder.join(path);
        let content = content
            .replace("{{name}}", name)
            .replace("{{crate}}", &name.replace('-', "_"))
            .replace("{{sdk}}", &sdk)
            .replace("{{warm_up}}", template.warm_up());
        let written = match path.parent() {
            Some(parent) => fs::create_dir_all(parent).and_then(|()| fs::write(&path, content)),
            None => fs::write(&path, content),
        };
        written.map_err(|error| {
            Error::user(format!("cannot write `{}`", path.display()))
                .because(error)
                .hint("check that you may write there")
        })?;
    }
    Ok(())
}

/// Nothing of the user's is ever overwritten.
fn check_vacant(folder: &Path) -> Result<()> {
    let shown = folder.display();
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::user(format!("the folder `{shown}` is not empty"))
            .hint("give a name that is not taken; nothing is overwritten")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::user(format!("cannot make an app in `{shown}`"))
            .because(error)
            .hint("give a folder that is empty or does not exist")),
    }
}

#[cfg(test)]
mod tests;
