//! How an app may end (`X-01`–`X-08`), and what its client sees.

use wasgi_tests::{Guest, Serve, guests};

/// One row of the table: what the client sees, and what the log says.
struct Row {
    guest: Guest,
    status: u16,
    body: &'static str,
    whole: bool,
    /// What stands in the log with the request's id.
    log: &'static str,
}

/// Runs one row over HTTP/1.1: status, body, whole or cut, connection kept or closed.
#[track_caller]
fn row(row: &Row) {
    let server = Serve::guest(row.guest).start();
    let mut client = server.client();
    let response = client.get("/");
    assert_eq!(response.status, row.status, "{response:?}");
    assert_eq!(response.text(), row.body, "{response:?}");
    assert_eq!(response.whole, row.whole, "{response:?}");
    assert!(!response.mentions("secret"), "{response:?}");
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
        server.wait_log(|line| line.target == "wasgi::access" && line.field("path") == "/");
    if !row.log.is_empty() {
        let line = server.wait_line(row.log);
        assert_eq!(line.field("request"), access.field("request"));
    }
}

/// `X-01`: 500, keep-alive.
#[test]
pub(crate) fn raise_before_start() {
    row(&Row {
        guest: guests::RAISE_BEFORE_START,
        status: 500,
        body: "Internal Server Error",
        whole: true,
        log: "secret: raised before the start",
    });
}
