//! SIGINT and SIGTERM: the first lets calls in flight finish, the second does not wait for them.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::process::Signal;
use wasgi_tests::{Client, Folder, Guest, Program, eventually, guests, wasgi};

use super::{Process, field, lines_of};

/// Longer than any test lives: what ends before it was ended by something else.
const FOR_EVER: [&str; 2] = ["--timeout-graceful-shutdown", "86400"];

fn serve(guest: Guest, arguments: &[&str]) -> Program {
    Program::serve(guest.path(), &[&FOR_EVER, arguments].concat())
}

#[track_caller]
fn send(program: &Program, signal: Signal) {
    if signal == Signal::INT {
        program.interrupt();
    } else {
        program.terminate();
    }
}

fn is_refused(address: SocketAddr) -> bool {
    let refused = TcpStream::connect(address).map_err(|error| error.kind());
    matches!(refused, Err(ErrorKind::ConnectionRefused))
}

/// `G-14`. A call in flight reads the rest of its body and answers, while nobody else gets in.
#[track_caller]
fn a_call_in_flight_finishes(signal: Signal, workers: &str) {
    let mut program = serve(guests::COUNT_BODY, &["--workers", workers]);
    let address = program.address();
    let (mut client, mut idle) = (program.client(), program.client());
    idle.assert_kept();
    client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n12345");
    program.wait_line("the first event has come, more_body=true");

    send(&program, signal);
    program.wait_line("stopping: no new connections, calls in flight may finish");
    eventually("further connections are refused", || is_refused(address));
    assert!(idle.is_closed(), "an idle connection is of no use any more");
    assert!(program.is_running(), "a call is in flight");

    client.send("67890");
    let response = client.response();
    assert_eq!((response.status, response.whole), (200, true));
    assert!(response.text().starts_with("bytes=10 "), "{response:?}");
    assert!(client.is_closed());
    assert_eq!(program.wait().code(), Some(0));
    let line = program.wait_line("method=POST");
    assert_eq!(field(&line, "outcome"), "ok");
}

#[test]
fn sigint_lets_a_call_in_flight_finish() {
    a_call_in_flight_finishes(Signal::INT, "1");
}

#[test]
fn sigterm_lets_a_call_in_flight_finish() {
    a_call_in_flight_finishes(Signal::TERM, "1");
}

#[test]
fn with_two_workers_a_call_in_flight_finishes_too() {
    a_call_in_flight_finishes(Signal::TERM, "2");
}

/// `L-03`, `L-06`: calls first, then the lifespan shutdown, and the log has both.
#[test]
fn lifespan_shutdown_runs_after_the_last_call() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut program = serve(guests::LOG_THE_LIFESPAN, &[]);
        let mut client = program.client();
        client.request("/slow");
        program.wait_line("the slow call has begun");
        send(&program, signal);
        let response = client.response();
        assert_eq!(
            (response.status, &*response.text()),
            (200, "slow but whole")
        );
        assert_eq!(program.wait().code(), Some(0));
        program.wait_line("goodbye");
        let printed = lines_of(&program, "wasgi::guest").join("\n");
        let at = |text| printed.find(text).unwrap_or_else(|| panic!("{printed}"));
        assert!(at("event LifespanStartup") < at("the slow call has begun"));
        assert!(at("the slow call is done") < at("event LifespanShutdown"));
        assert!(at("event LifespanShutdown") < at("goodbye"));
    }
}

/// Without a call in flight, one signal is enough.
#[test]
fn an_idle_server_stops_at_once() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut program = serve(guests::ECHO, &["--workers", "2"]);
        let mut idle = program.client();
        idle.assert_kept();
        send(&program, signal);
        assert_eq!(program.wait().code(), Some(0));
        assert!(idle.is_closed());
    }
}

/// Waits in two calls, one before and one within its response.
fn hanging(program: &Program) -> (Client, Client) {
    let (mut waits, mut streams) = (program.client(), program.client());
    waits.request("/");
    streams.request("/mid");
    program.wait_line("hanging at / ");
    program.wait_line("hanging at /mid");
    (waits, streams)
}

/// The first gets a 503, the second a body that does not look whole.
#[track_caller]
fn both_are_ended(mut waits: Client, mut streams: Client) {
    assert_eq!(waits.response().status, 503);
    assert!(waits.is_closed());
    let response = streams.response();
    assert_eq!((response.status, &*response.text()), (200, "part"));
    assert!(!response.whole, "{response:?}");
    assert!(streams.is_closed());
}

#[test]
fn a_second_signal_ends_calls_at_once() {
    let (int, term) = (Signal::INT, Signal::TERM);
    for (first, second) in [(int, int), (term, term), (int, term)] {
        let mut program = serve(guests::HANG, &[]);
        let (mut waits, streams) = hanging(&program);
        send(&program, first);
        program.wait_line("stopping: ");
        assert!(waits.is_silent_for(Duration::from_millis(100)));
        send(&program, second);
        both_are_ended(waits, streams);
        assert_eq!(program.wait().code(), Some(0), "{:#?}", program.stderr());
        for path in ["/", "/mid"] {
            let line = program.wait_line(&format!("method=GET path=\"{path}\""));
            assert_eq!(field(&line, "outcome"), "stopped");
        }
    }
}

#[test]
fn calls_in_flight_get_as_long_as_the_flag_says() {
    let arguments = ["--timeout-graceful-shutdown", "0"];
    let mut program = Program::serve(guests::HANG.path(), &arguments);
    let (waits, streams) = hanging(&program);
    program.terminate();
    both_are_ended(waits, streams);
    assert_eq!(program.wait().code(), Some(0));
}

/// Whether it computes or waits: a start-up that does not end is left by one signal.
#[test]
fn a_signal_while_the_app_starts_ends_it() {
    let guests = [
        (guests::HANG_IN_STARTUP, "starting for ever"),
        (guests::SPIN_IN_STARTUP, "spinning in startup"),
    ];
    for (guest, text) in guests {
        for signal in [Signal::INT, Signal::TERM] {
            let folder = Folder::new("signal");
            let socket = folder.path("s");
            let mut command = wasgi();
            command.arg("serve").arg(guest.path());
            command.arg("--uds").arg(&socket);
            let process = Process::start(&mut command);
            process.wait_said(text);
            process.signal(signal);
            let finished = process.finished();
            assert_eq!(finished.code, Some(0), "{finished:?}");
            let said = &finished.stderr;
            assert!(
                said.ends_with("stopped before the app was ready\n"),
                "{said}"
            );
            assert!(!said.contains("wasgi serves"), "{said}");
            assert!(!socket.exists());
        }
    }
}

/// `L-12`: shutdown has a limit, and an app that does not keep it is a line in the log and no failure of the server.
#[test]
fn an_app_that_hangs_in_shutdown_does_not_keep_the_server() {
    let folder = Folder::new("signal");
    let text = "name = \"hangs\"\n[limits]\nshutdown = \"100 ms\"\n";
    let manifest = folder.write("hangs.toml", text);
    let arguments = ["--manifest", manifest.to_str().unwrap()];
    let mut program = serve(guests::HANG_IN_SHUTDOWN, &arguments);
    program.terminate();
    program.wait_line("stopping for ever");
    assert_eq!(program.wait().code(), Some(0));
    let line = program.wait_line("while stopping: ");
    assert!(line.contains("ERROR"), "{line}");
}
