//! The manifest: what it says when all is well, and what we say when it is not.

use std::time::Duration;

use super::*;

fn parse(text: &str) -> Result<Manifest> {
    Manifest::parse(Path::new("app/wasgi.toml"), text)
}

/// The message and the hint for a text that is refused.
#[track_caller]
fn refusal(text: &str) -> (String, String) {
    let error = parse(text).expect_err("this text is refused");
    (
        error.to_string(),
        error.hint_text().unwrap_or_default().to_owned(),
    )
}

#[test]
fn the_least_manifest_is_a_name() {
    let manifest = parse("name = \"hello\"").expect("a manifest");
    assert_eq!(manifest.name, "hello");
    assert_eq!(manifest.build, Build::Rust(RustBuild::default()));
    assert!(!manifest.data);
    assert_eq!(manifest.limits, LimitOverrides::default());
    assert!(manifest.env.is_empty());
}

#[test]
fn everything_that_can_be_said_arrives() {
    let manifest = parse(
        r#"
        name = "shop-2"
        language = "rust"

        [build]
        package = "shop"
        bin = "server"
        profile = "fast"
        features = ["cards", "vouchers"]
        default_features = false

        [env]
        GREETING = "ciao"

        [limits]
        memory = "128 MiB"
        request_body = "16 MiB"
        max_concurrent_calls = 100
        max_queued_calls = 50
        queued = "2 s"
        cpu = "10 s"
        startup = "30 s"
        first_response = "1 min"
        "#,
    )
    .expect("a manifest");
    let Build::Rust(build) = &manifest.build else {
        panic!("{manifest:?}");
    };
    assert_eq!(build.package.as_deref(), Some("shop"));
    assert_eq!(build.features, ["cards", "vouchers"]);
    assert_eq!(build.default_features, Some(false));
    assert_eq!(
        manifest.env.get("GREETING").map(String::as_str),
        Some("ciao")
    );
    assert_eq!(manifest.limits.memory, Some(128 << 20));
    assert_eq!(manifest.limits.max_concurrent_calls, Some(100));
    assert_eq!(manifest.limits.max_queued_calls, Some(50));
    assert_eq!(manifest.limits.queued, Some(Duration::from_secs(2)));
    assert_eq!(
        manifest.limits.first_response,
        Some(Duration::from_secs(60))
    );
    assert_eq!(manifest.limits.drain, None);
}

#[test]
fn an_unknown_key_is_an_error_with_file_line_and_suggestion() {
    let (what, hint) = refusal("name = \"a\"\n\n[limits]\nmemroy = \"1 MiB\"\n");
    assert_eq!(
        what,
        "app/wasgi.toml, line 4: unknown key `memroy` in `[limits]`"
    );
    assert!(hint.starts_with("did you mean `memory`?"), "{hint}");
    let (what, hint) = refusal("name = \"a\"\nlangauge = \"rust\"\n");
    assert_eq!(what, "app/wasgi.toml, line 2: unknown key `langauge`");
    assert!(hint.starts_with("did you mean `language`?"), "{hint}");
    let (_, hint) = refusal("name = \"a\"\n[colours]\nred = 1\n");
    assert_eq!(
        hint,
        "the keys are `name`, `language`, `app`, `build`, `data`, `env`, `limits`, `instances`"
    );
}

#[test]
fn a_bad_name_comes_with_a_better_one() {
    let (what, hint) = refusal("name = \"My App\"");
    assert!(
        what.starts_with("app/wasgi.toml, line 1: `name` may have only lowercase"),
        "{what}"
    );
    assert_eq!(hint, "for example `name = \"my-app\"`");
    for name in ["", "-a", "a-", "9lives", "übung", "a_b", &"a".repeat(64)] {
        refusal(&format!("name = \"{name}\""));
    }
    assert_eq!(
        refusal("language = \"rust\"").0,
        "app/wasgi.toml, line 1: the key `name` is missing"
    );
}

fn python(text: &str) -> PythonBuild {
    match parse(text).expect("a manifest").build {
        Build::Python(build) => build,
        Build::Rust(_) => panic!("a Python app"),
    }
}

#[test]
fn a_manifest_with_an_app_is_python_unless_it_says_rust() {
    let least = python("name = \"a\"\napp = \"main:app\"");
    assert_eq!(least, PythonBuild::of("main:app".to_owned()));
    assert!(least.optimize && least.remember && !least.factory && least.warm_up.is_empty());
    python("name = \"a\"\nlanguage = \"python\"\napp = \"shop.web:create.app\"");

    let (what, hint) = refusal("name = \"a\"\nlanguage = \"python\"");
    assert_eq!(what, "app/wasgi.toml, line 1: the key `app` is missing");
    assert!(hint.contains("main:app"), "{hint}");
    let (what, _) = refusal("name = \"a\"\nlanguage = \"rust\"\napp = \"main:app\"");
    assert!(what.contains("`app` is for Python"), "{what}");
    let (what, hint) = refusal("name = \"a\"\nlanguage = \"perl\"");
    assert!(
        what.contains("is `perl`") && hint.contains("`python`"),
        "{what}: {hint}"
    );
}

#[test]
fn everything_that_a_python_app_can_say_arrives() {
    let build = python(
        r#"
        name = "shop"
        app = "shop.web:make"
        data = true
        [build]
        factory = true
        requirements = "requirements/prod.txt"
        warm_up = ["/", "/openapi.json"]
        python_path = ["src"]
        include = ["dist"]
        exclude = ["notes"]
        optimize = false
        remember = false
        timeout = "5 s"
        "#,
    );
    let wanted = PythonBuild {
        app: "shop.web:make".to_owned(),
        factory: true,
        requirements: Some("requirements/prod.txt".to_owned()),
        warm_up: vec!["/".to_owned(), "/openapi.json".to_owned()],
        python_path: vec!["src".to_owned()],
        include: vec!["dist".to_owned()],
        exclude: vec!["notes".to_owned()],
        optimize: false,
        remember: false,
        timeout: Duration::from_secs(5),
    };
    assert_eq!(build, wanted);
}

#[test]
fn an_app_that_cannot_be_one_comes_with_a_better_one() {
    for (app, better) in [
        ("main", "main:app"),
        ("main.py", "main:app"),
        ("main.py:app", "main:app"),
        ("./src/web.py:api", "src.web:api"),
        ("main:app()", "main:app"),
        ("a b:c", "main:app"),
        ("", "main:app"),
    ] {
        let (what, hint) = refusal(&format!("name = \"a\"\napp = \"{app}\""));
        assert!(what.starts_with("app/wasgi.toml, line 2: `app` "), "{what}");
        assert_eq!(hint, format!("for example `app = \"{better}\"`"), "{app}");
    }
}

#[test]
fn a_key_of_the_other_language_is_named_as_that() {
    let (what, _) = refusal("name = \"a\"\napp = \"m:a\"\n[build]\nfeatures = [\"x\"]\n");
    assert_eq!(
        what,
        "app/wasgi.toml, line 4: `build.features` is for Rust apps, and `language` is `python`"
    );
    let (what, _) = refusal("name = \"a\"\n[build]\nwarm_up = [\"/\"]\n");
    assert!(
        what.contains("`build.warm_up` is for Python apps"),
        "{what}"
    );
    let (_, hint) = refusal("name = \"a\"\napp = \"m:a\"\n[build]\ncolour = 1\n");
    assert!(
        hint.contains("`factory`") && !hint.contains("`package`"),
        "{hint}"
    );
    let (_, hint) = refusal("name = \"a\"\n[build]\ncolour = 1\n");
    assert!(
        hint.contains("`package`") && !hint.contains("`factory`"),
        "{hint}"
    );
}

#[test]
fn paths_of_the_build_stay_in_the_folder_and_warm_up_is_a_path() {
    for line in [
        "requirements = \"../r.txt\"",
        "requirements = \"/etc/r.txt\"",
        "python_path = [\"src\", \"../lib\"]",
        "exclude = [\"\"]",
        "include = [\"a\\\\b\"]",
        "warm_up = [\"health\"]",
        "warm_up = [\"/a b\"]",
        "timeout = \"0 s\"",
        "factory = \"yes\"",
    ] {
        let (what, _) = refusal(&format!("name = \"a\"\napp = \"m:a\"\n[build]\n{line}\n"));
        let key = line.split(' ').next().unwrap();
        assert!(
            what.starts_with(&format!("app/wasgi.toml, line 4: `build.{key}` ")),
            "{what}"
        );
    }
}

#[test]
fn python_gets_more_memory_unless_the_manifest_says_how_much() {
    use crate::config::limits::Limits;
    let memory = |text| Limits::of(&parse(text).expect("a manifest")).memory_bytes_max;
    assert_eq!(memory("name = \"a\""), 128 << 20);
    assert_eq!(memory("name = \"a\"\napp = \"m:a\""), 256 << 20);
    let said = "name = \"a\"\napp = \"m:a\"\n[limits]\nmemory = \"64 MiB\"";
    assert_eq!(memory(said), 64 << 20);
}

#[test]
fn sizes_and_durations_need_units_and_the_key_is_named() {
    let (what, hint) = refusal("name = \"a\"\n[limits]\nmemory = 128\n");
    assert_eq!(
        what,
        "app/wasgi.toml, line 3: `limits.memory` has to be a string with a unit"
    );
    assert!(hint.contains("`128 MiB`"), "{hint}");
    let (what, _) = refusal("name = \"a\"\n[limits]\ncpu = \"10\"\n");
    assert!(what.contains("`limits.cpu` needs a unit"), "{what}");
    let (what, _) = refusal("name = \"a\"\n[limits]\ncpu = \"0 s\"\n");
    assert!(what.contains("has to be more than nothing"), "{what}");
    let (what, _) = refusal("name = \"a\"\n[limits]\nmax_concurrent_calls = 0\n");
    assert!(what.contains("a whole number from 1"), "{what}");
}

#[test]
fn what_is_not_toml_or_has_the_wrong_type_is_named_with_its_line() {
    let (what, _) = refusal("name = \"a\"\nlanguage =\n");
    assert_eq!(what, "app/wasgi.toml, line 2: is not valid TOML");
    let (what, _) = refusal("name = 5");
    assert_eq!(what, "app/wasgi.toml, line 1: `name` has to be a string");
    let (_, hint) = refusal("name = \"a\"\nlimits = 3");
    assert_eq!(hint, "write `[limits]` on a line of its own");
    let (what, _) = refusal("name = \"a\"\n[env]\nPORT = 80\n");
    assert_eq!(
        what,
        "app/wasgi.toml, line 3: `env.PORT` has to be a string"
    );
    refusal("name = \"a\"\n[env]\n\"A=B\" = \"1\"\n");
}

#[test]
fn a_folder_without_a_manifest_says_what_to_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let error = Manifest::load(&folder).expect_err("no manifest there");
    assert!(error.to_string().contains("has no `wasgi.toml`"), "{error}");
    assert!(
        error
            .hint_text()
            .is_some_and(|hint| hint.contains("wasgi new"))
    );
    let error = Manifest::load(&folder.join("nowhere")).expect_err("no folder there");
    assert!(error.to_string().contains("there is no folder"), "{error}");
}
