//! Threads, processes, sockets, files: what works inline, and what is a clear error (`G-16`).

use super::behaviours;

/// `G-16`: everything that runs a function in a thread runs it inline, with its context, and says so once.
#[test]
fn thread_bridges_run_inline() {
    let mut server = behaviours().start();
    let mut client = server.client();
    for (how, expected) in [
        ("to-thread", "worked inherited|worked"),
        ("executor", "four not inherited|four"),
        ("thread", "worked not inherited"),
        ("pool", "a inherited|b inherited|c inherited|a|b|c"),
        ("raising", "invalid literal for int() with base 10: 'x'"),
    ] {
        for _ in 0..3 {
            let response = client.get(&format!("/thread?how={how}"));
            assert_eq!(
                (response.status, response.text().as_str()),
                (200, expected),
                "{how}"
            );
        }
    }
    let log = server.stop();
    let warned = log
        .iter()
        .filter(|line| line.message.contains("inline"))
        .count();
    assert_eq!(warned, 1, "{log:#?}");
}

/// What cannot run inline, or not at all, is an error that says so; the instance lives on.
#[test]
fn what_a_component_cannot_do_is_an_error() {
    let server = behaviours().start();
    let mut wrong = Vec::new();
    for (how, words) in FORBIDDEN {
        let response = server.get(&format!("/forbidden?how={how}"));
        let text = response.text();
        if response.status != 200 || !words.iter().all(|word| text.contains(word)) {
            wrong.push(format!("{how}: {} {text}, not {words:?}", response.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let response = server.get("/thread?how=process-pool");
    assert_eq!(response.status, 500);
    let ended = server
        .log()
        .iter()
        .any(|line| line.message.contains("the instance ended"));
    assert!(!ended);
    server.assert_serves();
}

/// What is tried, and words of the error.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("fork", &["has no attribute 'fork'"]),
    ("subprocess", &["OSError", "does not support processes"]),
    (
        "subprocess-async",
        &["NotImplementedError", "cannot start processes"],
    ),
    ("system", &["has no attribute 'system'"]),
    ("connect", &["gaierror", "no network of its own"]),
    ("connect-async", &["OSError", "no sockets of its own"]),
    (
        "listen",
        &[
            "PermissionError",
            "socket.socket: a wasgi instance has no network",
        ],
    ),
    ("serve-async", &["NotImplementedError", "cannot listen"]),
    ("resolve", &["gaierror", "no network of its own"]),
    ("signal", &["NotImplementedError", "receives no signals"]),
    ("read", &["FileNotFoundError", "/etc/passwd"]),
    ("write", &["PermissionError", "written.txt"]),
    (
        "asyncio-run",
        &["RuntimeError", "cannot be called from a running event loop"],
    ),
    ("ssl", &["SSLError", "no TLS inside"]),
    ("input", &["EOFError"]),
];

/// The manifest's environment, the app's own files, and nothing else of the world.
#[test]
fn an_app_sees_its_own_files_and_variables_only() {
    let server = behaviours().env("GREETING", "ciao").start();
    let text = server.get("/world").text();
    for line in [
        "env GREETING=ciao",
        "cwd /1",
        "platform wasi",
        "exists /1/main.py True",
        "exists /data False",
        "exists /etc False",
        "exists /tmp False",
        "exists /1/../../etc False",
        "reads \"\"\"What all behaviours are written with: the types of ASGI, and answers in one line.\"\"\"",
    ] {
        assert!(
            text.lines().any(|other| other == line),
            "no {line:?} in\n{text}"
        );
    }
    for foreign in ["PATH=", "HOSTNAME", "CARGO"] {
        assert!(!text.contains(foreign), "{foreign} in\n{text}");
    }
}
