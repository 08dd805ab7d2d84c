//! How an app may end (`X-01`–`X-08`), and what its client and its siblings see.

use h2::Reason;
use tracing::Level;
use wasgi_tests::{Running, block_on};

const REFUSED: &str = "Internal Server Error";

/// What the log says of an app that returned too early.
pub(crate) const EARLY: &str = "returned before its response was complete";
/// What it says of one that trapped.
pub(crate) const TRAPPED: &str = "the instance trapped in this call";

/// One row of the table: what the client sees, and what the log says.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) target: &'static str,
    status: u16,
    body: &'static str,
    whole: bool,
    /// What stands in the log with the request's id; "" for nothing.
    log: &'static str,
    /// The last word of the access line.
    outcome: &'static str,
}

impl Row {
    /// A 500 in place of anything that the app has said.
    pub(crate) const fn refused(
        target: &'static str,
        log: &'static str,
        outcome: &'static str,
    ) -> Self {
        Self {
            target,
            status: 500,
            body: REFUSED,
            whole: true,
            log,
            outcome,
        }
    }

    /// The first part of the body, and a visible cut.
    pub(crate) const fn cut(
        target: &'static str,
        log: &'static str,
        outcome: &'static str,
    ) -> Self {
        Self {
            target,
            status: 200,
            body: "part",
            whole: false,
            log,
            outcome,
        }
    }

    /// The response, whole.
    pub(crate) const fn intact(target: &'static str, log: &'static str) -> Self {
        Self {
            target,
            status: 200,
            body: "whole",
            whole: true,
            log,
            outcome: "ok",
        }
    }
}

/// Checks one row over HTTP/1.1 and HTTP/2: status, body, whole or cut, connection kept or closed.
#[track_caller]
pub(crate) fn check(server: &Running, row: &Row) {
    let (mut client, mark) = (server.client(), server.mark());
    let response = client.get(row.target);
    let name = row.target;
    assert_eq!(response.status, row.status, "{name}: {response:?}");
    assert_eq!(response.text(), row.body, "{name}: {response:?}");
    assert_eq!(response.whole, row.whole, "{name}: {response:?}");
    // `G-24`: nothing of it is for the client.
    assert!(!response.mentions("secret"), "{name}: {response:?}");
    assert!(!response.mentions("Traceback"), "{name}: {response:?}");
    let app_answered = row.status == 200;
    assert_eq!(response.header("x-app").is_some(), app_answered, "{name}");
    if row.whole {
        client.assert_kept();
    } else {
        assert!(
            client.is_closed(),
            "{name}: cut, and the connection goes on"
        );
    }
    server.assert_serves();
    let path = name.split('?').next().unwrap();
    let access = server.wait_since(mark, |line| {
        line.target == "wasgi::access" && line.field("path") == path
    });
    assert_eq!(access.field("outcome"), row.outcome, "{access}");
    assert_eq!(access.field("status"), row.status.to_string(), "{access}");
    let of_this = |line: &wasgi_tests::Line| line.field("request") == access.field("request");
    if row.log.is_empty() {
        // Lets the call's end reach the log.
        wasgi_tests::pause(std::time::Duration::from_millis(30));
        let errors: Vec<_> = server
            .log()
            .into_iter()
            .filter(|line| line.level == Level::ERROR && of_this(line))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    } else {
        server.wait_since(mark, |line| line.message.contains(row.log) && of_this(line));
    }
    check_h2(server, row);
}

#[track_caller]
fn check_h2(server: &Running, row: &Row) {
    block_on(async {
        let mut client = server.h2().await;
        let reply = client.get(row.target).await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (row.status, row.body),
            "{reply:?}"
        );
        let reset = (!row.whole).then_some(Reason::INTERNAL_ERROR);
        assert_eq!(reply.reset, reset, "{}: {reply:?}", row.target);
        // Only that stream: the connection goes on.
        assert_eq!(client.get("/ok").await.text(), "ok");
    });
}

/// `X-08` once the response is complete: nothing is wrong with it; the instance's end is logged, not the call's.
#[track_caller]
pub(crate) fn a_trap_after_the_response_leaves_it_intact(server: &Running, target: &str) {
    let mut client = server.client();
    let response = client.get(target);
    assert_eq!(
        (response.status, response.text().as_str(), response.whole),
        (200, "whole", true)
    );
    server.wait_line("the instance ended; a new one starts");
    client.assert_kept();
}

/// `G-04`, `G-13`: the call that trapped, at `traps`, gets 500, those in flight beside it (`/wait`, `/stream`) 502 or are cut;
/// the log names the instance and the request that trapped; a new instance takes the next request.
#[track_caller]
pub(crate) fn a_trap_ends_every_call_of_its_instance_and_no_more(server: &Running, traps: &str) {
    let (mut waits, mut streams, mut client) = (server.client(), server.client(), server.client());
    waits.request("/wait");
    streams.request("/stream");
    let mut head = streams.head();
    streams.chunk_bytes(&mut head, 4);
    server.wait_line("waiting at /wait");
    server.wait_line("waiting at /stream");

    let trapped = client.get(traps);
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
    let blamed = server.wait_line(TRAPPED);
    assert_eq!(blamed.field("request"), access(traps).field("request"));
    assert_eq!(access("/wait").field("outcome"), "instance-lost");
    assert_eq!(access("/stream").field("outcome"), "instance-lost");

    // The connections that were not cut are still good.
    client.assert_kept();
    waits.assert_kept();
    let blamed = server
        .log()
        .iter()
        .filter(|line| line.message.contains("trapped in this call"))
        .count();
    assert_eq!(
        blamed, 1,
        "one call has trapped, the others were in its way"
    );
}
