//! `wasgi serve`: its start line, its log, and what flags, the environment and the manifest change.

use std::collections::BTreeSet;
use std::process::Command;

use wasgi_tests::{Client, Folder, Guest, Program, eventually, guests, wasgi};

use super::{Process, complaint, field, visited};

#[test]
fn the_start_line_says_what_serves_where_with_how_many_instances() {
    for (workers, instances) in [("1", "(1 instance; code "), ("3", "(3 instances; code ")] {
        let program = Program::serve(guests::ECHO.path(), &["--workers", workers]);
        let line = &program.start_line;
        assert!(
            line.starts_with("wasgi serves echo at http://127.0.0.1:"),
            "{line}"
        );
        assert_ne!(program.address().port(), 0, "{line}");
        assert!(line.contains(instances), "{line}");
        assert!(line.ends_with("; stop with Ctrl-C)"), "{line}");
        program.client().assert_kept();
    }
}

fn serve(guest: Guest) -> Command {
    let mut command = wasgi();
    command.arg("serve").arg(guest.path()).args(["--port", "0"]);
    command
}

/// Data goes to stdout, talk to stderr; a server has no data, and a quiet one says two things in its life.
#[test]
fn a_quiet_server_says_when_it_serves_and_when_it_stops() {
    let finished = visited(&mut serve(guests::ECHO), |_| {});
    // The log is written by a thread of its own, so that its line comes before or after the first of the others.
    let is_log = |line: &&str| line.contains(" INFO wasgi::cli::walls: walls around the process: ");
    let (log, lines): (Vec<_>, Vec<_>) = finished.stderr.lines().partition(is_log);
    assert_eq!(log.len(), 1, "{log:?}");
    let [serves, stops] = lines[..] else {
        panic!("{lines:?}");
    };
    assert!(serves.starts_with("wasgi serves echo at "));
    assert_eq!(
        stops,
        "stopping: no new connections, calls in flight may finish; again to stop now"
    );
}

#[test]
fn one_access_line_for_each_request_has_all_its_fields() {
    let finished = visited(&mut serve(guests::ECHO), |client| {
        let response = client.post("/a%20b?secret=1", b"12345");
        assert_eq!(response.text(), "12345");
        client.assert_kept();
    });
    let lines = finished.stderr.lines();
    let lines: Vec<_> = lines
        .filter(|line| line.contains(" wasgi::access: "))
        .collect();
    let [line, ok] = lines[..] else {
        panic!("{lines:?}");
    };
    assert!(line.contains(" INFO wasgi::access: method=POST path="));
    let fields = ["method", "path", "status", "bytes", "app", "outcome"];
    let values = fields.map(|name| field(line, name));
    assert_eq!(values, ["POST", "/a%20b", "200", "5", "echo", "ok"]);
    assert!(field(line, "ms").parse::<f64>().is_ok(), "{line}");
    let request = field(line, "request");
    assert!(
        request.len() == 16 && u64::from_str_radix(request, 16).is_ok(),
        "{line}"
    );
    assert_ne!(request, field(ok, "request"));
    assert!(!line.contains("secret"), "queries may hold secrets: {line}");
}

/// The id in the line is the one that the app knows.
#[test]
fn the_access_line_has_the_request_id_of_the_scope() {
    let program = Program::serve(guests::REPORT_SCOPE.path(), &[]);
    let id = program.client().get("/").value("request_id");
    let line = program.wait_line(" wasgi::access: ");
    assert_eq!(field(&line, "request"), id);
}

#[test]
fn the_access_line_is_written_when_the_response_has_ended() {
    let program = Program::serve(guests::HANG.path(), &[]);
    let mut client = program.client();
    client.request("/mid");
    let mut response = client.head();
    client.chunk_bytes(&mut response, 4);
    // Whatever is logged before it is in the log by now.
    program.client().assert_kept();
    program.wait_line("path=\"/ok\"");
    assert!(!program.stderr().join("").contains("path=\"/mid\""));
    drop(client);
    let line = program.wait_line("path=\"/mid\"");
    let fields = ["status", "bytes", "outcome"].map(|name| field(&line, name));
    assert_eq!(fields, ["200", "4", "disconnected"]);
}

#[test]
fn access_lines_can_be_switched_off() {
    let are_written = |command: &mut Command| {
        let finished = visited(command, |client| client.assert_kept());
        finished.stderr.contains(" wasgi::access: ")
    };
    let echo = || serve(guests::ECHO);
    assert!(are_written(&mut echo()));
    assert!(!are_written(echo().arg("--no-access-log")));
    assert!(!are_written(echo().arg("--access-log=false")));
    assert!(!are_written(echo().env("WASGI_ACCESS_LOG", "false")));
    let mut both = echo();
    both.arg("--access-log").env("WASGI_ACCESS_LOG", "false");
    assert!(are_written(&mut both), "a flag goes before the environment");
}

#[test]
fn the_log_level_decides_what_is_logged() {
    let log = |command: &mut Command| {
        let visit = |client: &mut Client| assert_eq!(client.get("/two").status, 200);
        visited(command, visit).stderr
    };
    let prints = || serve(guests::PRINT_LINES);
    for quiet in ["warn", "error", "WARN"] {
        let log = log(prints().args(["--log-level", quiet]));
        let lines = log.lines().count();
        assert_eq!(lines, 2, "only when it serves and stops: {log}");
    }
    let info = log(&mut prints());
    assert!(info.contains("first line of"), "{info}");
    assert!(info.contains(" wasgi::access: "), "{info}");
    assert!(!info.contains("DEBUG"), "{info}");
    let mut debug = prints();
    let debug = debug.env("WASGI_LOG_LEVEL", "debug");
    let text = log(debug);
    assert!(text.contains("DEBUG wasgi"), "{text}");
    let text = log(debug.args(["--log-level", "info"]));
    assert!(!text.contains("DEBUG"), "{text}");
}

/// `G-24`.
#[test]
fn what_the_app_prints_is_logged_with_the_request_it_works_for() {
    let program = Program::serve(guests::PRINT_LINES.path(), &[]);
    let id = program.client().get("/two").text();
    for (text, stream) in [
        (format!("first line of {id}"), "stdout"),
        (format!("second line of {id}"), "stderr"),
    ] {
        let line = program.wait_line(&text);
        assert!(line.contains(" INFO wasgi::guest: "), "{line}");
        let fields = ["app", "instance", "stream", "request"].map(|name| field(&line, name));
        assert_eq!(fields, ["print-lines", "1", stream, &*id]);
    }
}

#[test]
fn what_the_app_prints_outside_of_requests_has_no_request_id() {
    let program = Program::serve(guests::LOG_THE_LIFESPAN.path(), &["--workers", "2"]);
    for instance in ["1", "2"] {
        let text = format!("event LifespanStartup app=\"log-the-lifespan\" instance={instance} ");
        let line = program.wait_line(&text);
        assert!(!line.contains("request="), "{line}");
    }
}

/// `H-09`.
#[test]
fn a_root_path_is_in_the_scope_and_in_front_of_the_path() {
    let program = Program::serve(guests::REPORT_SCOPE.path(), &["--root-path", "/api"]);
    let response = program.client().get("/items?page=2");
    let fields = ["root_path", "path", "local_path", "query_string"];
    let values = fields.map(|name| response.value(name));
    assert_eq!(values, ["/api", "/api/items", "/items", "page=2"]);
}

/// Connections are spread by the system, so it takes some until both have had one.
#[test]
fn with_two_workers_two_instances_answer() {
    let program = Program::serve(guests::SAY_WHICH_INSTANCE.path(), &["--workers", "2"]);
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        // Both are on one thread, and requests one after the other may all go to the first.
        return;
    }
    let mut seen = BTreeSet::new();
    eventually("both instances answer", || {
        seen.insert(program.client().get("/").text());
        seen.len() == 2
    });
    for _ in 0..20 {
        seen.insert(program.client().get("/").text());
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
}

#[test]
fn flags_can_be_set_in_the_environment() {
    let mut command = wasgi();
    command
        .arg("serve")
        .env("WASGI_APP", guests::REPORT_SCOPE.path)
        .env("WASGI_HOST", "127.0.0.1")
        .env("WASGI_PORT", "0")
        .env("WASGI_WORKERS", "2")
        .env("WASGI_ROOT_PATH", "/env");
    let program = Program::start(&mut command);
    assert!(
        program.start_line.contains("(2 instances;"),
        "{}",
        program.start_line
    );
    assert_eq!(program.client().get("/").value("root_path"), "/env");
    drop(program);

    let arguments = ["--workers", "1", "--root-path", "/flag"];
    let program = Program::start(command.args(arguments));
    assert!(
        program.start_line.contains("(1 instance;"),
        "{}",
        program.start_line
    );
    assert_eq!(program.client().get("/").value("root_path"), "/flag");
}

/// A port that was typed goes before a socket that was inherited.
#[test]
fn a_flag_goes_before_the_environment_where_both_say_where_to_listen() {
    let folder = Folder::new("serve");
    let mut command = wasgi();
    command.arg("serve").arg(guests::ECHO.path());
    command
        .args(["--port", "0"])
        .env("WASGI_UDS", folder.path("s"));
    let program = Program::start(&mut command);
    program.client().assert_kept();
    assert!(!folder.path("s").exists());
}

/// The app sees the manifest's environment and nothing of ours.
#[test]
fn a_manifest_gives_a_component_its_name_environment_and_limits() {
    let folder = Folder::new("serve");
    let text = "name = \"shop\"\n[env]\nGREETING = \"ciao\"\n[limits]\nrequest_body = \"1 KiB\"\n";
    let manifest = folder.write("shop.toml", text);
    let mut command = wasgi();
    command
        .arg("serve")
        .arg(guests::SHOW_THE_ENVIRONMENT.path())
        .args(["--port", "0", "--manifest"])
        .arg(manifest)
        .env("SECRET_OF_THE_HOST", "1");
    let program = Program::start(&mut command);
    assert!(program.start_line.starts_with("wasgi serves shop at "));
    let report = program.client().get("/").text();
    let seen: Vec<_> = report
        .lines()
        .filter(|line| line.starts_with("env "))
        .collect();
    assert_eq!(seen, ["env GREETING=ciao"]);
    let response = program.client().post("/", &[0; 1025]);
    assert_eq!(response.status, 413);
}

/// `F-10`, with the flags of the binary.
#[test]
fn headers_of_every_response_are_set_by_flags() {
    let mut command = serve(guests::ECHO);
    command
        .args(["--header", "X-Frame-Options: DENY", "--no-server-header"])
        .env("WASGI_DATE_HEADER", "false");
    visited(&mut command, |client| {
        let response = client.get("/");
        assert_eq!(
            [
                response.header("x-frame-options"),
                response.header("server"),
                response.header("date")
            ],
            [Some("DENY"), None, None],
            "{response:?}"
        );
    });
}

/// `F-14`: who is trusted by default, by a flag, by our variable, by that of others; and nobody.
#[test]
fn f14_whose_word_counts_is_what_flags_and_variables_say() {
    let ours = "WASGI_FORWARDED_ALLOW_IPS";
    let theirs = "FORWARDED_ALLOW_IPS";
    for (flags, variables, believed) in [
        (&[][..], &[][..], true),
        (&["--no-proxy-headers"], &[], false),
        (&["--forwarded-allow-ips", "10.0.0.0/8"], &[], false),
        (&["--forwarded-allow-ips", ""], &[], false),
        (&["--forwarded-allow-ips", "*"], &[(ours, "10.0.0.1")], true),
        (&["--forwarded-header", "forwarded"], &[], false),
        (&[], &[(ours, "10.0.0.1")], false),
        (&[], &[(theirs, "10.0.0.1")], false),
        (&[], &[(ours, "127.0.0.1"), (theirs, "nonsense")], true),
        (&[], &[("WASGI_PROXY_HEADERS", "0")], false),
    ] {
        let mut command = serve(guests::REPORT_SCOPE);
        command.args(flags).envs(variables.iter().copied());
        let program = Program::start(&mut command);
        let request = "GET / HTTP/1.1\r\nhost: h\r\nx-forwarded-for: 203.0.113.9\r\n\r\n";
        let client = program.client().send(request).response().value("client");
        assert_eq!(
            client == "ip 203.0.113.9 0",
            believed,
            "{flags:?} {variables:?}"
        );
    }
    let mut command = serve(guests::ECHO);
    let finished = Process::start(command.env(theirs, "nginx")).finished();
    complaint(&finished).says(
        "FORWARDED_ALLOW_IPS",
        "`nginx` is no address",
        "--forwarded-allow-ips",
    );
}

#[test]
fn the_proxy_protocol_is_a_flag() {
    let program = Program::serve(guests::REPORT_SCOPE.path(), &["--proxy-protocol"]);
    let request = "PROXY TCP4 203.0.113.9 192.0.2.1 4711 443\r\nGET / HTTP/1.1\r\nhost: h\r\n\r\n";
    let scope = program.client().send(request).response();
    assert_eq!(scope.value("client"), "ip 203.0.113.9 4711");
    assert!(
        program
            .client()
            .send("GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            .is_closed()
    );
}
