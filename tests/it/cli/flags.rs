//! Flags: what is refused, and that the help tells of what there is.

use wasgi_tests::{guests, wasgi};

use super::{Process, run};

/// A wrong command line: what and why on stderr, where to read on, exit code 1.
#[track_caller]
fn refused(arguments: &[&str], why: &str) {
    let finished = run(arguments);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.stdout, "", "{finished:?}");
    assert!(finished.stderr.starts_with("error: "), "{finished:?}");
    assert!(finished.stderr.contains(why), "{why:?} in {finished:?}");
    assert!(finished.stderr.contains("try '--help'"), "{finished:?}");
}

#[test]
fn a_wrong_flag_is_an_error_that_says_why() {
    refused(&["serve"], "<APP>");
    refused(
        &["serve", "a.wasm", "--workers", "0"],
        "0 is not in 1..=1024",
    );
    refused(&["serve", "a.wasm", "--workers", "many"], "--workers <N>");
    refused(
        &["serve", "a.wasm", "--port", "70000"],
        "70000 is not in 0..=65535",
    );
    refused(
        &["serve", "a.wasm", "--log-level", "loud"],
        "[possible values: trace, debug, info, warn, error]",
    );
    refused(
        &["serve", "a.wasm", "--prot", "1"],
        "a similar argument exists: '--port'",
    );
    refused(
        &["serve", "a.wasm", "--access-log=perhaps"],
        "value was not a boolean",
    );
    refused(
        &["new", "shop", "--template", "flask"],
        "[possible values: asgi, axum, starlette, fastapi]",
    );
}

#[test]
fn a_root_path_begins_with_a_slash_and_has_none_at_its_end() {
    refused(
        &["serve", "a.wasm", "--root-path", "api"],
        "it starts with a slash: `/api`",
    );
    refused(
        &["serve", "a.wasm", "--root-path", "/api/"],
        "no slash at the end: `/api`",
    );
    refused(
        &["serve", "a.wasm", "--root-path", "/a?b"],
        "it is a plain path",
    );
}

#[test]
fn a_header_of_the_operator_is_a_header() {
    for (header, why) in [
        ("x", "it has the form `name:value`"),
        ("x y:1", "`x y` is no header name"),
        ("x:a\r\nset-cookie: b", "the value is visible ASCII"),
        (
            "content-length:5",
            "`content-length` is for the server to say",
        ),
    ] {
        refused(&["serve", "a.wasm", "--header", header], why);
    }
}

#[test]
fn a_list_of_proxies_has_addresses_and_networks_in_it() {
    let allow = |list| ["serve", "a.wasm", "--forwarded-allow-ips", list];
    refused(&allow("127.0.0.1,localhost"), "`localhost` is no address");
    refused(
        &allow("10.1.2.3/8"),
        "write `10.0.0.0/8`, or `10.1.2.3` alone",
    );
    refused(
        &["serve", "a.wasm", "--forwarded-header", "x-real-ip"],
        "[possible values: auto, x-forwarded, forwarded]",
    );
    refused(
        &["serve", "a.wasm", "--uds", "s", "--uds-permissions", "rw"],
        "it is a mode as for chmod",
    );
}

#[test]
fn two_places_to_listen_contradict_each_other() {
    refused(
        &["serve", "a.wasm", "--uds", "s", "--port", "0"],
        "--uds cannot be used with --host or --port",
    );
    refused(
        &["serve", "a.wasm", "--fd", "0", "--uds", "s"],
        "--fd cannot be used with --uds",
    );
    refused(
        &["serve", "a.wasm", "--fd", "0", "--host", "::1"],
        "--fd cannot be used with --host or --port",
    );
    refused(
        &["serve", "a.wasm", "--uds-permissions", "660"],
        "--uds-permissions needs --uds",
    );
    let mut inherited = wasgi();
    inherited
        .args(["serve", "a.wasm"])
        .env("WASGI_UDS", "s")
        .env("WASGI_PORT", "0");
    let finished = Process::start(&mut inherited).finished();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let why = "WASGI_UDS cannot be used with WASGI_HOST or WASGI_PORT";
    assert!(finished.stderr.contains(why), "{finished:?}");
}

#[test]
fn a_wrong_value_in_the_environment_is_an_error_too() {
    let mut command = wasgi();
    command
        .arg("serve")
        .arg(guests::ECHO.path())
        .env("WASGI_PORT", "eighty");
    let finished = Process::start(&mut command).finished();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("'eighty'"), "{finished:?}");
}

#[test]
fn an_unknown_verb_is_refused() {
    refused(&["fly"], "unrecognized subcommand 'fly'");
    refused(&["sevre", "a.wasm"], "a similar subcommand exists: 'serve'");
}

#[test]
fn the_help_lists_the_verbs_and_each_verb_has_its_own() {
    let help = run(["--help"]);
    assert_eq!((help.code, &*help.stderr), (Some(0), ""));
    for text in ["\n  serve ", "\n  build ", "\n  new ", "Exit codes: 0 "] {
        assert!(
            help.stdout.contains(text),
            "{text:?} is not in {}",
            help.stdout
        );
    }
    let serve = run(["serve", "--help"]).stdout;
    for flag in [
        "--host",
        "--port",
        "--uds",
        "--workers",
        "--log-level",
        "--access-log",
        "--no-access-log",
        "--date-header",
        "--no-date-header",
        "--server-header",
        "--no-server-header",
        "--header",
        "--root-path",
        "--timeout-graceful-shutdown",
        "--manifest",
        "--no-cache",
        "--locked",
        "--offline",
    ] {
        assert!(serve.contains(flag), "{flag} is not in {serve}");
    }
    for variable in [
        "APP",
        "HOST",
        "PORT",
        "UDS",
        "WORKERS",
        "LOG_LEVEL",
        "ACCESS_LOG",
        "ROOT_PATH",
        "TIMEOUT_GRACEFUL_SHUTDOWN",
        "MANIFEST",
        "NO_CACHE",
    ] {
        let text = format!("WASGI_{variable}=");
        assert!(serve.contains(&text), "{text} is not in {serve}");
    }
    for (verb, flag) in [("build", "--json"), ("new", "--template")] {
        let help = run([verb, "--help"]);
        assert_eq!(help.code, Some(0));
        assert!(help.stdout.contains(flag), "{flag} is not in {help:?}");
    }
}

#[test]
fn without_a_verb_it_shows_the_help_as_an_error() {
    let finished = run::<&str>([]);
    assert_eq!((finished.code, &*finished.stdout), (Some(1), ""));
    assert!(finished.stderr.contains("Usage: wasgi"), "{finished:?}");
}

#[test]
fn the_version_is_that_of_the_workspace() {
    let finished = run(["--version"]);
    let version = concat!("wasgi ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(
        (finished.code, &*finished.stdout, &*finished.stderr),
        (Some(0), version, "")
    );
}

/// A heading holds for what is declared behind it, so each group of flags needs one of its own.
#[test]
fn each_flag_of_serve_stands_below_its_heading() {
    let help = run(["serve", "--help"]).stdout;
    let below = |flag: &str| {
        let flag = format!(" {flag}");
        let at = help
            .find(&flag)
            .unwrap_or_else(|| panic!("no {flag} in {help}"));
        let heading = help[..at]
            .lines()
            .rev()
            .find(|line| line.ends_with(':') && !line.starts_with(' '));
        heading.unwrap_or_default().to_owned()
    };
    for (flag, heading) in [
        ("--port <", "Options:"),
        ("--fd <", "Options:"),
        ("--ssl-certfile <", "HTTPS:"),
        ("--proxy-protocol", "Behind a proxy:"),
        ("--no-cache", "Building:"),
        ("--offline", "Building:"),
    ] {
        assert_eq!(below(flag), heading, "{flag}");
    }
}
