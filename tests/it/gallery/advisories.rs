//! Classes of advisories that have hit hosts of WebAssembly and servers of HTTP in 2025 and 2026, as far as a guest, or a client,
//! can be written for them. `docs/hostile-guests.md` says which test elsewhere stands for the other classes.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use wasgi_tests::{Client, Serve, eventually, guests};

use super::Stage;

/// Zero-length stream writes: they complete, whoever reads, and the bytes behind them arrive.
#[test]
pub(crate) fn zero_length_stream_writes() {
    let stage = Stage::of(guests::WRITE_STREAMS_OF_NOTHING);
    let sibling = stage.sibling();
    assert_eq!(stage.get("/").text(), "Ok(())");
    stage.app().wait_line("and at last a line");
    sibling.assert_lives();
    stage.assert_not_replaced();
    stage.assert_over();
}
pub(crate) use zero_length_stream_writes as write_streams_of_nothing;

/// Cancelled calls: an exchange that is given up gives its turn back, and loses no event.
#[test]
pub(crate) fn cancelled_calls() {
    let stage = Stage::of(guests::CANCEL_THE_EXCHANGE);
    let sibling = stage.sibling();
    for _ in 0..3 {
        assert_eq!(stage.get("/").text(), "cancelled");
    }
    sibling.assert_lives();
    stage.assert_not_replaced();
    stage.assert_over();
}
pub(crate) use cancelled_calls as cancel_the_exchange;

/// Pending calls after a trap: what the guest waited for is dropped with it, and wakes nobody.
#[test]
pub(crate) fn pending_calls_after_a_trap() {
    let says = ["the app aborted"];
    Stage::of(guests::TRAP_WHILE_AN_EXCHANGE_IS_PENDING).assert_crash("/", 502, "aborted", &says);
}
pub(crate) use pending_calls_after_a_trap as trap_while_an_exchange_is_pending;

/// Content-length conflicts in a response: none of them reaches a client, who would read the next response wrongly.
#[test]
pub(crate) fn content_length_conflicts() {
    let stage = Stage::of(guests::TWO_LENGTHS);
    let mut client = stage.client();
    for target in ["/differ", "/list", "/signed", "/hex", "/large"] {
        let response = client.get(target);
        assert_eq!(response.status, 500, "{target}: {response:?}");
        assert!(!response.mentions("secret"), "{target}: {response:?}");
        client.assert_kept();
    }
    stage.app().wait_line("content-length");
    stage.assert_not_replaced();
    stage.assert_over();
}
pub(crate) use content_length_conflicts as two_lengths;

/// Trailers with forbidden names: a recipient might merge them into the head.
#[test]
pub(crate) fn trailers_with_forbidden_names() {
    let stage = Stage::of(guests::FORBIDDEN_TRAILERS);
    for name in [
        "content-length",
        "transfer-encoding",
        "host",
        "trailer",
        "te",
        "connection",
        "set-cookie",
        "authorization",
        "www-authenticate",
        "cache-control",
        "content-type",
        "content-encoding",
        "content-range",
    ] {
        let request = format!("GET /{name} HTTP/1.1\r\nhost: mallory.test\r\nte: trailers\r\n\r\n");
        let mut client = stage.client();
        let response = client.send(request).response();
        assert!(
            response.status == 500 || !response.whole,
            "{name}: {response:?}"
        );
        assert!(!response.mentions("secret"), "{name}: {response:?}");
    }
    stage.app().wait_line("is no field for trailers");
    stage.assert_not_replaced();
    stage.assert_over();
}
pub(crate) use trailers_with_forbidden_names as forbidden_trailers;

/// Long targets: what is allowed arrives whole, what is not arrives nowhere.
#[test]
fn long_targets() {
    let stage = Stage::of(guests::ECHO);
    let longest = format!("/ok?{}", "x".repeat(16 * 1024 - 4));
    assert_eq!(stage.get(&longest).status, 200);
    let before = stage.usage().calls;
    assert_eq!(stage.get(&format!("{longest}x")).status, 414);
    assert_eq!(stage.get(&format!("/{}", "%00".repeat(20_000))).status, 414);
    assert_eq!(stage.usage().calls, before, "no guest has seen them");
    stage.assert_unharmed();
}

/// Zero time-outs: a limit of nothing is either refused by name, or means at once. It is never taken for none.
#[test]
fn zero_time_outs() {
    for limit in [
        "cpu",
        "startup",
        "shutdown",
        "first_response",
        "request",
        "stalled_read",
        "disconnect_grace",
        "background",
        "drain",
        "queued",
        "websocket_accept",
    ] {
        let stage = Stage::empty();
        let told = stage.refuses(Serve::guest(guests::ECHO).limit(limit, "0 s"));
        assert!(told.contains(limit), "{limit}: {told}");
        stage.assert_unharmed();
    }
}

/// Missing stdio: a server that is started with its standard streams closed opens none of its own files in their place, where
/// a guest's lines, or a panic, would be written into them.
#[test]
fn missing_stdio() {
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap()
    };
    let program = wasgi_tests::wasgi().get_program().to_owned();
    let mut server = Command::new("sh")
        .arg("-c")
        .arg("exec \"$0\" serve \"$1\" --host 127.0.0.1 --port \"$2\" <&- >&- 2>&-")
        .arg(program)
        .arg(guests::PRINT_LINES.path())
        .arg(port.port().to_string())
        .env("WASGI_CACHE_DIR", wasgi_tests::cache_folder())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let mut is_up = || {
        assert!(server.try_wait().unwrap().is_none(), "it has ended");
        std::net::TcpStream::connect(port).is_ok()
    };
    eventually("it listens", &mut is_up);
    assert_eq!(Client::tcp(port).get("/flood?n=1000").status, 200);
    for descriptor in 0..3 {
        let link = fs::read_link(format!("/proc/{}/fd/{descriptor}", server.id())).unwrap();
        assert_eq!(link.to_string_lossy(), "/dev/null", "{descriptor}");
    }
    assert_eq!(Client::tcp(port).get("/ok").text(), "ok");
    server.kill().unwrap();
    server.wait().unwrap();
}

/// What no app has been given: addresses, names, sockets to listen on.
#[test]
pub(crate) fn dial_out() {
    let stage = Stage::of(guests::DIAL_OUT);
    let text = stage.get("/").text();
    assert!(
        text.contains("connect false") && !text.contains("true"),
        "{text}"
    );
    stage.assert_not_replaced();
    stage.assert_over();
}
