//! `language`, `app` and `[build]`: what the app is written in and how it is built.
//!
//! The manifest reads it. Each language has keys of its own; a key of the other language is an error that says so. Paths
//! stay as they were written: `cli` joins them to the app's folder and looks whether they are there.

use std::time::Duration;

use crate::config::{
    quantity::{self, DURATION_EXAMPLES},
    table::{Entry, Table},
};
use crate::error::Result;

const APP_EXAMPLE: &str = "for example `app = \"main:app\"`: a module, and what is the app in it";

/// What the app is written in, with the build settings of that language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Build {
    /// A cargo package.
    Rust(RustBuild),
    /// A Python module with an ASGI app in it.
    Python(PythonBuild),
}

/// `[build]` of a Rust app: which part of the cargo project is the app, where that is not obvious.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RustBuild {
    /// `package`: the cargo package, when the folder's own is not meant.
    pub package: Option<String>,
    /// `bin`: the binary target, when the package has no library or several binaries.
    pub bin: Option<String>,
    /// `profile`: the cargo profile; `guest` where the project defines it, else `release`.
    pub profile: Option<String>,
    /// `features`: cargo features to switch on.
    pub features: Vec<String>,
    /// `default_features`: whether the package's default features are on. They are.
    pub default_features: Option<bool>,
}

/// `app` and `[build]` of a Python app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonBuild {
    /// `app`: `module:attribute`, as uvicorn takes it.
    pub app: String,
    /// `factory`: the attribute is called without arguments and returns the app.
    pub factory: bool,
    /// `requirements`: the file with the dependencies, when it is not found by its name.
    pub requirements: Option<String>,
    /// `warm_up`: paths of the app that the build requests once, so that the first client does not pay for what they
    /// import. They run for real; by default none is requested.
    pub warm_up: Vec<String>,
    /// `python_path`: folders inside the app's folder, from which modules are imported. The app's folder is.
    pub python_path: Vec<String>,
    /// `include`: files and folders that go into the component although they are left out by default.
    pub include: Vec<String>,
    /// `exclude`: files and folders that do not go into the component.
    pub exclude: Vec<String>,
    /// `optimize`: whether the interpreter is optimised, once for a machine. It is.
    pub optimize: bool,
    /// `remember`: whether known functions of libraries are asked once for each argument. They are.
    pub remember: bool,
    /// `timeout`: how long the app's imports and its warm-up may take in the build. 2 min.
    pub timeout: Duration,
}

impl Default for Build {
    fn default() -> Self {
        Self::Rust(RustBuild::default())
    }
}

impl PythonBuild {
    /// The settings of an app that says nothing but where it is.
    pub fn of(app: String) -> Self {
        Self {
            app,
            factory: false,
            requirements: None,
            warm_up: Vec::new(),
            python_path: vec![".".to_owned()],
            include: Vec::new(),
            exclude: Vec::new(),
            optimize: true,
            remember: true,
            timeout: Duration::from_secs(120),
        }
    }
}

/// What is wrong with `module:attribute`, if anything; it completes the sentence "`app` …".
pub fn app_problem(app: &str) -> Option<String> {
    let dotted = |text: &str| text.split('.').all(is_identifier);
    match app.split_once(':') {
        None => Some(format!(
            "names a module and what is the app in it, and `{app}` has no `:`"
        )),
        Some((module, _)) if module.ends_with(".py") || module.contains('/') => Some(format!(
            "names a module as `import` does, with dots and without `.py`, unlike `{app}`"
        )),
        Some((module, attribute)) if dotted(module) && dotted(attribute) => None,
        Some(_) => Some(format!(
            "is a module and an attribute, both Python names with dots, unlike `{app}`"
        )),
    }
}

/// `module:attribute` as it was probably meant.
pub fn app_suggestion(app: &str) -> Option<String> {
    let (module, attribute) = app.split_once(':').unwrap_or((app, "app"));
    let module = module.trim_start_matches("./");
    let module = module.strip_suffix(".py").unwrap_or(module);
    let better = format!("{}:{attribute}", module.replace('/', "."));
    app_problem(&better).is_none().then_some(better)
}

/// As Python has it, which checks the rest when it imports.
fn is_identifier(text: &str) -> bool {
    let mut letters = text.chars();
    letters
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
}

impl Build {
    /// Takes `language`, `app` and `build` out of the top of a manifest.
    pub(super) fn read(root: &mut Table<'_>) -> Result<Self> {
        let language = root.take("language");
        let app = root.take("app");
        let build = root.take("build").map(Entry::table).transpose()?;
        let is_python = match language {
            Some(language) => is_python(language)?,
            // Only Python has an `app`, so a manifest that names one need not say more.
            None => app.is_some(),
        };
        if is_python {
            let app = match app {
                Some(app) => app,
                None => root.require("app", APP_EXAMPLE)?,
            };
            let python = PythonBuild::of(app_of(app)?);
            let read = |table| python_section(table, python.clone());
            Ok(Self::Python(build.map_or(Ok(python.clone()), read)?))
        } else {
            if let Some(app) = app {
                return Err(app
                    .error("is for Python, and `language` is `rust`")
                    .hint("write `language = \"python\"`, or take `app` out"));
            }
            Ok(Self::Rust(
                build.map_or(Ok(RustBuild::default()), rust_section)?,
            ))
        }
    }
}

fn is_python(entry: Entry<'_>) -> Result<bool> {
    let word = entry.checked(|word| match word {
        "rust" | "python" => Ok(()),
        other => Err((
            format!("is `{other}`"),
            "the languages are `rust` and `python`".to_owned(),
        )),
    })?;
    Ok(word == "python")
}

fn app_of(entry: Entry<'_>) -> Result<String> {
    entry.checked(|app| match app_problem(app) {
        None => Ok(()),
        Some(problem) => {
            let better = app_suggestion(app).unwrap_or_else(|| "main:app".to_owned());
            Err((problem, format!("for example `app = \"{better}\"`")))
        }
    })
}

fn rust_section(mut table: Table<'_>) -> Result<RustBuild> {
    for key in PYTHON_KEYS {
        not_of(&mut table, key, "Python", "rust")?;
    }
    let build = RustBuild {
        package: table.take("package").map(Entry::string).transpose()?,
        bin: table.take("bin").map(Entry::string).transpose()?,
        profile: table.take("profile").map(Entry::string).transpose()?,
        features: strings(&mut table, "features")?,
        default_features: table
            .take("default_features")
            .map(Entry::boolean)
            .transpose()?,
    };
    table.finish()?;
    Ok(build)
}

const RUST_KEYS: [&str; 5] = ["package", "bin", "profile", "features", "default_features"];

const PYTHON_KEYS: [&str; 9] = [
    "factory",
    "requirements",
    "warm_up",
    "python_path",
    "include",
    "exclude",
    "optimize",
    "remember",
    "timeout",
];

fn python_section(mut table: Table<'_>, default: PythonBuild) -> Result<PythonBuild> {
    for key in RUST_KEYS {
        not_of(&mut table, key, "Rust", "python")?;
    }
    let boolean = |entry: Option<Entry<'_>>, default| entry.map_or(Ok(default), Entry::boolean);
    let build = PythonBuild {
        factory: boolean(table.take("factory"), default.factory)?,
        requirements: table.take("requirements").map(inside).transpose()?,
        warm_up: match table.take("warm_up") {
            Some(entry) => warm_up(entry)?,
            None => default.warm_up,
        },
        python_path: match table.take("python_path") {
            Some(entry) => entry.each(inside_problem)?,
            None => default.python_path,
        },
        include: patterns(&mut table, "include")?,
        exclude: patterns(&mut table, "exclude")?,
        optimize: boolean(table.take("optimize"), default.optimize)?,
        remember: boolean(table.take("remember"), default.remember)?,
        timeout: match table.take("timeout") {
            Some(entry) => entry.parsed(DURATION_EXAMPLES, quantity::positive)?,
            None => default.timeout,
        },
        app: default.app,
    };
    table.finish()?;
    Ok(build)
}

/// A key of the other language is no typing error, and the message says so.
fn not_of(table: &mut Table<'_>, key: &'static str, its: &str, ours: &str) -> Result<()> {
    match table.take_foreign(key) {
        None => Ok(()),
        Some(entry) => Err(entry
            .error(&format!("is for {its} apps, and `language` is `{ours}`"))
            .hint("take it out, or is `language` wrong?")),
    }
}

fn strings(table: &mut Table<'_>, key: &'static str) -> Result<Vec<String>> {
    table.take(key).map_or(Ok(Vec::new()), Entry::strings)
}

fn patterns(table: &mut Table<'_>, key: &'static str) -> Result<Vec<String>> {
    table
        .take(key)
        .map_or(Ok(Vec::new()), |entry| entry.each(inside_problem))
}

fn warm_up(entry: Entry<'_>) -> Result<Vec<String>> {
    entry.each(|path| {
        let legal = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
        (!legal).then(|| {
            (
                format!("has `{path}`, and a path to request starts with `/` and has no spaces"),
                "for example `warm_up = [\"/\", \"/openapi.json\"]`".to_owned(),
            )
        })
    })
}

fn inside(entry: Entry<'_>) -> Result<String> {
    entry.checked(|path| inside_problem(path).map_or(Ok(()), Err))
}

/// Paths of the manifest are below the app's folder: what a build takes in is what stands there.
fn inside_problem(path: &str) -> Option<(String, String)> {
    let climbs = path.split('/').any(|part| part == "..");
    let strange = path.is_empty() || path.starts_with('/') || path.contains(['\\', '\0']);
    (climbs || strange).then(|| {
        (
            format!("has `{path}`, and a path here is inside of the app's folder"),
            "write it relative to the folder of `wasgi.toml`, with `/` and without `..`".to_owned(),
        )
    })
}
