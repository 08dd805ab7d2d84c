//! The manifest: what it says when all is well, and what we say when it is not.

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
    assert_eq!(manifest.language, Language::Rust);
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
        cpu = "10 s"
        startup = "30 s"
        first_response = "1 min"
        "#,
    )
    .expect("a manifest");
    assert_eq!(manifest.build.package.as_deref(), Some("shop"));
    assert_eq!(manifest.build.features, ["cards", "vouchers"]);
    assert_eq!(manifest.build.default_features, Some(false));
    assert_eq!(
        manifest.env.get("GREETING").map(String::as_str),
        Some("ciao")
    );
    assert_eq!(manifest.limits.memory, Some(128 << 20));
    assert_eq!(manifest.limits.max_concurrent_calls, Some(100));
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
        "the keys are `name`, `language`, `build`, `env`, `limits`"
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

#[test]
fn python_is_known_but_not_built_yet() {
    let (what, hint) = refusal("name = \"a\"\nlanguage = \"python\"");
    assert!(what.contains("builds Rust apps only"), "{what}");
    assert!(hint.contains("wasgi serve app.wasm"), "{hint}");
    assert!(
        refusal("name = \"a\"\nlanguage = \"perl\"")
            .1
            .contains("`rust`")
    );
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
