//! How an app may end (`X-01`–`X-08`), and what its client and its siblings see.

use h2::Reason;
use tracing::Level;
use wasgi_tests::{Gone, Guest, H2, Serve, block_on, guests};

/// One row of the table: what the client sees, and what the log says.
struct Row {
    guest: Guest,
    target: &'static str,
    status: u16,
    body: &'static str,
    whole: bool,
    /// What stands in the log with the request's id; "" for nothing.
    log: &'static str,
    /// The last word of the access line.
    outcome: &'static str,
}

/// Checks one row over HTTP/1.1 and HTTP/2: status, body, whole or cut, connection kept or closed.
#[track_caller]
fn check(row: &Row) {
    let server = Serve::guest(row.guest).start();
    let mut client = server.client();
    let response = client.get(row.target);
    assert_eq!(response.status, row.status, "{response:?}");
    assert_eq!(response.text(), row.body, "{response:?}");
    assert_eq!(response.whole, row.whole, "{response:?}");
    assert!(!response.mentions("secret"), "{response:?}");
    let app_answered = row.status == 200;
    assert_eq!(
        response.header("x-app").is_some(),
        app_answered,
        "{response:?}"
    );
    if row.whole {
        client.assert_kept();
    } else {
        assert!(
            client.is_closed(),
            "a cut response, and the connection goes on"
        );
    }
    server.assert_serves();

    let access =
        server.wait_log(|line| line.target == "wasgi::access" && line.field("path") == row.target);
    assert_eq!(access.field("outcome"), row.outcome, "{access}");
    assert_eq!(access.field("status"), row.status.to_string(), "{access}");
    if row.log.is_empty() {
        let errors: Vec<_> = server
            .log()
            .into_iter()
            .filter(|line| line.level == Level::ERROR)
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
    } else {
        let line = server
            .wait_log(|line| line.message.contains(row.log) && !line.field("request").is_empty());
        assert_eq!(line.field("request"), access.field("request"), "{line}");
    }
    check_h2(row);
}

#[track_caller]
fn check_h2(row: &Row) {
    let server = Serve::guest(row.guest).start();
    block_on(async {
        let mut client = server.h2().await;
        let reply = client.get(row.target).await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (row.status, row.body),
            "{reply:?}"
        );
        let reset = (!row.whole).then_some(Reason::INTERNAL_ERROR);
        assert_eq!(reply.reset, reset, "{reply:?}");
        // Only that stream: the connection goes on.
        assert_eq!(client.get("/ok").await.text(), "ok");
    });
}

const REFUSED: &str = "Internal Server Error";

/// `X-01`: 500, and the connection is kept.
#[test]
pub(crate) fn raise_before_start() {
    check(&Row {
        guest: guests::RAISE_BEFORE_START,
        target: "/",
        status: 500,
        body: REFUSED,
        whole: true,
        log: "secret: raised before the start",
        outcome: "raised",
    });
}

/// `X-02`: the held start (`R-04`) becomes a 500.
#[test]
pub(crate) fn raise_after_start() {
    check(&Row {
        guest: guests::RAISE_AFTER_START,
        target: "/",
        status: 500,
        body: REFUSED,
        whole: true,
        log: "secret: raised after the start",
        outcome: "raised",
    });
}

/// `X-03`, `A-10`, `M-06`: cut without the final chunk; RST_STREAM on HTTP/2.
#[test]
pub(crate) fn raise_mid_body() {
    check(&Row {
        guest: guests::RAISE_MID_BODY,
        target: "/",
        status: 200,
        body: "part",
        whole: false,
        log: "secret: raised mid-body",
        outcome: "raised",
    });
}

/// `X-04`: the response is intact, the connection kept; logged.
#[test]
pub(crate) fn raise_after_complete() {
    check(&Row {
        guest: guests::RAISE_AFTER_COMPLETE,
        target: "/",
        status: 200,
        body: "whole",
        whole: true,
        log: "secret: raised after the end",
        outcome: "ok",
    });
}

/// `X-05`: 500.
#[test]
pub(crate) fn return_without_response() {
    check(&Row {
        guest: guests::RETURN_WITHOUT_RESPONSE,
        target: "/",
        status: 500,
        body: REFUSED,
        whole: true,
        log: "returned before its response was complete",
        outcome: "no-response",
    });
}

/// `X-06`: 500.
#[test]
pub(crate) fn return_after_start() {
    check(&Row {
        guest: guests::RETURN_AFTER_START,
        target: "/",
        status: 500,
        body: REFUSED,
        whole: true,
        log: "returned before its response was complete",
        outcome: "no-response",
    });
}

/// `X-07`, `M-06`: cut without the final chunk; RST_STREAM on HTTP/2.
#[test]
pub(crate) fn return_mid_body() {
    check(&Row {
        guest: guests::RETURN_MID_BODY,
        target: "/",
        status: 200,
        body: "part",
        whole: false,
        log: "returned before its response was complete",
        outcome: "no-response",
    });
}

/// `X-08`: a trap is answered as a raise is, at each point of the response, and the server goes on with a new instance.
#[test]
pub(crate) fn trap() {
    let trapped = "the instance trapped in this call";
    let rows = [
        ("/before", 500, REFUSED, true, trapped, "trapped"),
        ("/start", 500, REFUSED, true, trapped, "trapped"),
        ("/mid", 200, "part", false, trapped, "trapped"),
        // Nothing is wrong with this response: the instance's end is logged, not the call's.
        ("/after", 200, "whole", true, "", "ok"),
    ];
    for (target, status, body, whole, log, outcome) in rows {
        let row = Row {
            guest: guests::TRAP,
            target,
            status,
            body,
            whole,
            log,
            outcome,
        };
        if target == "/after" {
            let server = Serve::guest(row.guest).start();
            let mut client = server.client();
            let response = client.get(target);
            assert_eq!(
                (response.status, response.text().as_str(), response.whole),
                (200, "whole", true)
            );
            server.wait_line("the instance ended; a new one starts");
            client.assert_kept();
        } else {
            check(&row);
        }
    }
}

/// `G-04`, `G-13`: the call that trapped gets 500, those in flight beside it 502 or are cut; the log names the instance
/// and the request that trapped; a new instance takes the next request.
#[test]
fn a_trap_ends_every_call_of_its_instance_and_no_more() {
    let server = Serve::guest(guests::TRAP).start();
    let (mut waits, mut streams, mut traps) = (server.client(), server.client(), server.client());
    waits.request("/wait");
    streams.request("/stream");
    let mut head = streams.head();
    streams.chunk_bytes(&mut head, 4);
    server.wait_line("waiting at /wait");
    server.wait_line("waiting at /stream");

    let trapped = traps.get("/before");
    assert_eq!(trapped.status, 500);
    assert!(
        !trapped.mentions("secret") && !trapped.mentions("panic"),
        "{trapped:?}"
    );
    let lost = waits.response();
    assert_eq!((lost.status, lost.text().as_str()), (502, "Bad Gateway"));
    streams.body(&mut head, "GET");
    assert_eq!((head.status, head.whole), (200, false));
    assert!(streams.is_closed());

    let end = server.wait_line("the instance ended; a new one starts");
    assert_eq!((end.level, end.field("instance")), (Level::ERROR, "1"));
    let access = |path: &str| {
        server.wait_log(|line| line.target == "wasgi::access" && line.field("path") == path)
    };
    let blamed = server.wait_line("the instance trapped in this call");
    assert_eq!(blamed.field("request"), access("/before").field("request"));
    assert_eq!(access("/wait").field("outcome"), "instance-lost");
    assert_eq!(access("/stream").field("outcome"), "instance-lost");

    // The connections that were not cut are still good.
    traps.assert_kept();
    waits.assert_kept();
    let log = server.log();
    let blamed = log
        .iter()
        .filter(|line| line.message.contains("trapped in this call"))
        .count();
    assert_eq!(
        blamed, 1,
        "one call has trapped, the others were in its way"
    );
}

/// `G-24`: what a panic says stands in the app's log beside the request that caused it, and nowhere else.
#[test]
fn a_panic_message_is_for_the_log_only() {
    let server = Serve::guest(guests::TRAP).start();
    let response = server.get("/before");
    assert!(!response.mentions("secret"), "{response:?}");
    let line = server
        .wait_log(|line| line.is_printed() && line.message.contains("secret: the guest panics"));
    let access =
        server.wait_log(|line| line.target == "wasgi::access" && line.field("path") == "/before");
    assert_eq!(line.field("request"), access.field("request"));
    assert_eq!(line.field("stream"), "stderr");
    assert!(!access.to_string().contains("secret"), "{access}");
    // Where it was, by function names.
    let blamed = server.wait_line("the instance trapped in this call");
    assert!(blamed.message.contains("the app aborted"), "{blamed}");
}

/// An app that crashes in a loop is started again and again, each time later (`G-04`).
#[test]
fn a_crashing_instance_is_replaced_with_back_off() {
    let server = Serve::guest(guests::TRAP).start();
    for _ in 0..4 {
        assert_eq!(server.get("/before").status, 500);
    }
    server.assert_serves();
    let log = server.log();
    let ends: Vec<_> = log
        .iter()
        .filter(|line| line.message.contains("a new one starts in"))
        .collect();
    let numbers: Vec<_> = ends.iter().map(|line| line.field("instance")).collect();
    assert_eq!(numbers, ["1", "2", "3", "4"]);
    let waits: Vec<_> = ends
        .iter()
        .map(|line| {
            line.message
                .split("starts in ")
                .nth(1)
                .unwrap()
                .split(':')
                .next()
                .unwrap()
        })
        .collect();
    assert_eq!(waits, ["50ms", "100ms", "200ms", "400ms"]);
}

/// `X-08`, `M-06`: over HTTP/2 a trap resets the streams whose response has begun and answers the others.
#[test]
fn a_trap_over_http2_resets_only_what_has_begun() {
    let server = Serve::guest(guests::TRAP).start();
    block_on(async {
        let mut client = server.h2().await;
        let (waits, _) = client.open(H2::request("GET", "/wait"), true).await;
        let (streams, _) = client.open(H2::request("GET", "/stream"), true).await;
        let (parts, mut body) = H2::head(streams).await.unwrap();
        assert_eq!(parts.status, 200);
        assert_eq!(body.frame().await.unwrap().unwrap(), "part");
        assert_eq!(client.get("/before").await.status, 500);
        assert_eq!(
            body.frame().await.unwrap(),
            Err(Some(Reason::INTERNAL_ERROR))
        );
        let lost = H2::reply(waits).await;
        assert_eq!(lost.map(|reply| reply.status), Ok::<u16, Gone>(502));
        assert_eq!(client.get("/ok").await.text(), "ok");
    });
}
