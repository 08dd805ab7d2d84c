//! Sends what no response can have, each time gets an error and goes on (`A-06`, `G-08`); answers with the errors.

use wasgi_guests::unless_ok;
use wasgi_sdk::{Error, Receive, Scope, Send, SendError};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    let mut report = String::new();
    let mut note = |what: &str, result: Result<(), SendError>| {
        let kind = match result {
            Ok(()) => "ok".to_owned(),
            Err(error) => format!("{error:?}")
                .split([' ', '('])
                .next()
                .unwrap_or_default()
                .to_owned(),
        };
        report.push_str(&format!("{what}: {kind}\n"));
    };
    const NO: [(&str, &str); 0] = [];
    note("body before start", send.body("secret", true).await);
    for status in [0, 100, 101, 103, 199, 1000] {
        note(&format!("status {status}"), send.start(status, NO).await);
    }
    note(
        "CR LF in a value",
        send.start(200, [("x-a", "b\r\nx-forged: 1")]).await,
    );
    note(
        "LF in a name",
        send.start(200, [("x-a\nx-forged", "1")]).await,
    );
    note("NUL in a value", send.start(200, [("x-a", "b\0")]).await);
    note("pseudo-header", send.start(200, [(":status", "201")]).await);
    note(
        "content-length +5",
        send.start(200, [("content-length", "+5")]).await,
    );
    note(
        "respond with too much",
        send.respond(200, [("content-length", "1")], "secret").await,
    );
    note(
        "respond with too little",
        send.respond(200, [("content-length", "10")], "secret")
            .await,
    );
    note("startup in a request", send.startup_complete().await);
    note("early hint", send.early_hint(["</x>; rel=preload"]).await);
    note(
        "trailers announced",
        send.start_with_trailers(200, NO).await,
    );
    note(
        "start",
        send.start(200, [("content-length", "6"), ("x-app", "legal")])
            .await,
    );
    note("second start", send.start(201, NO).await);
    note("pathsend", send.pathsend("/etc/passwd").await);
    note("trailers", send.trailers(NO, false).await);
    note("body beyond the length", send.body("seventy", true).await);
    note("body before the length", send.body("five5", false).await);
    note("body", send.body("legal!", false).await);
    note("body after the end", send.body("secret", false).await);
    note("start after the end", send.start(200, NO).await);
    print!("{report}");
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
