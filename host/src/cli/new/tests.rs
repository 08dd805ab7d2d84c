//! A new app: what is in the folder, and what is refused.

use super::*;

/// A folder of our own under the system's, gone with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("wasgi-new-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder in the system's");
        Self(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn each_template_gives_a_whole_project() {
    for template in [Template::Asgi, Template::Axum] {
        let scratch = Scratch::new(&format!("{template:?}"));
        let folder = scratch.0.join("my-shop");
        make(&folder, "my-shop", template, Some(&Sdk::Released)).expect("an empty folder");
        for path in [
            "Cargo.toml",
            "README.md",
            "src/lib.rs",
            "wasgi.toml",
            ".gitignore",
        ] {
            let text = fs::read_to_string(folder.join(path)).expect(path);
            assert!(
                !text.contains("{{"),
                "{path} of {template:?} has a gap that nobody filled"
            );
        }
        let manifest = wasgi::config::Manifest::load(&folder).expect("a legal manifest");
        assert_eq!(manifest.name, "my-shop");
        let cargo = fs::read_to_string(folder.join("Cargo.toml")).expect("a Cargo.toml");
        let cargo: toml::Table = cargo.parse().expect("legal TOML");
        assert!(
            cargo.contains_key("workspace"),
            "else a workspace above would catch it"
        );
        let guest = cargo
            .get("profile")
            .and_then(|profiles| profiles.get("guest"));
        assert!(guest.is_some(), "the profile that `wasgi build` looks for");
        let sdk = cargo
            .get("dependencies")
            .and_then(|all| all.get("wasgi-sdk"));
        assert!(sdk.is_some(), "the SDK");
    }
}

#[test]
fn each_python_template_gives_a_whole_project() {
    for template in [Template::Starlette, Template::Fastapi] {
        let scratch = Scratch::new(&format!("{template:?}"));
        let folder = scratch.0.join("my-shop");
        make(&folder, "my-shop", template, None).expect("an empty folder");
        for (path, _) in template.files() {
            let text = fs::read_to_string(folder.join(path)).expect(path);
            let gap = text.contains("{{");
            assert!(!gap, "{path} of {template:?} has a gap that nobody filled");
        }
        let manifest = wasgi::config::Manifest::load(&folder).expect("a legal manifest");
        assert_eq!(manifest.name, "my-shop");
        let wasgi::config::manifest::Build::Python(build) = manifest.build else {
            panic!("{template:?} is Python");
        };
        assert_eq!(build.app, "main:app");
        assert!(build.warm_up.contains(&"/".to_owned()));
        let guessed = crate::cli::build::python::guess(&folder);
        assert_eq!(
            guessed.as_deref(),
            Some("main:app"),
            "what it is without a manifest"
        );
    }
}

#[test]
fn the_limits_that_a_template_mentions_are_real() {
    for template in [Template::Asgi, Template::Starlette] {
        let (_, text) = template
            .files()
            .iter()
            .find(|(path, _)| *path == "wasgi.toml")
            .expect("a manifest");
        let text = text
            .replace("{{name}}", "a")
            .replace("{{warm_up}}", "")
            .replace("# GREETING", "GREETING");
        let (head, limits) = text.split_once("[limits]").expect("limits");
        let least = format!("{head}[limits]");
        let text = format!("{least}{}", limits.replace("# ", ""));
        let said = |text: &str| {
            let manifest = wasgi::config::Manifest::parse(Path::new("wasgi.toml"), text);
            wasgi::config::limits::Limits::of(&manifest.expect("legal"))
        };
        assert_eq!(said(&text), said(&least), "it says: these are the defaults");
    }
}

#[test]
fn nothing_of_the_users_is_overwritten() {
    let scratch = Scratch::new("full");
    fs::write(scratch.0.join("thesis.txt"), "years").expect("a file");
    let error = make(&scratch.0, "a", Template::Asgi, Some(&Sdk::Released)).expect_err("not empty");
    assert!(error.to_string().ends_with("is not empty"), "{error}");
    let file = scratch.0.join("thesis.txt");
    let error = make(&file, "a", Template::Asgi, Some(&Sdk::Released)).expect_err("a file");
    assert!(
        error.to_string().starts_with("cannot make an app in"),
        "{error}"
    );
}

#[test]
fn a_name_that_does_not_do_comes_with_one_that_does() {
    let hint = |path: &str| {
        name_of(Path::new(path))
            .expect_err(path)
            .hint_text()
            .map(str::to_owned)
    };
    assert_eq!(
        hint("code/My App").as_deref(),
        Some("try `wasgi new code/my-app`")
    );
    assert_eq!(hint("async").as_deref(), Some("try `wasgi new async-app`"));
    assert_eq!(
        hint("123").as_deref(),
        Some("for example `wasgi new hello`")
    );
    assert_eq!(
        name_of(Path::new("code/shop-2")).ok().as_deref(),
        Some("shop-2")
    );
}

#[test]
fn the_sdk_is_where_it_is_said_to_be() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sdk = Sdk::choose(Some(&here.join("../guest-sdk"))).expect("our own SDK");
    assert!(
        sdk.dependency().starts_with("{ path = \"/"),
        "{}",
        sdk.dependency()
    );
    let error = Sdk::choose(Some(here)).expect_err("the host is not the SDK");
    assert!(
        error
            .hint_text()
            .is_some_and(|hint| hint.contains("guest-sdk"))
    );
    assert_eq!(Sdk::Released.dependency(), "\"0.1\"");
    assert!(Sdk::Released.note().contains("not been released"));
}
