//! Answers with its scope, one key a line, and the body (section 1.2).

use std::fmt::Write;

use wasgi_guests::read_all;
use wasgi_sdk::{Error, Peer, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    let body = read_all(&receive).await.unwrap_or_default();
    let mut report = String::new();
    let peer = |peer: Option<Peer<'_>>| match peer {
        None => "none".to_owned(),
        Some(Peer::Ip(address)) => {
            let port: u16 = address.port();
            format!("ip {} {port}", address.ip())
        }
        Some(Peer::Unix(path)) => format!("unix {path}"),
        Some(Peer::Named(host, port)) => format!("named {host} {port}"),
    };
    writeln!(report, "http_version={}", scope.http_version())?;
    writeln!(report, "method={}", scope.method())?;
    writeln!(report, "scheme={}", scope.scheme())?;
    writeln!(report, "path={}", scope.path().escape_debug())?;
    writeln!(report, "raw_path={}", scope.raw_path().escape_ascii())?;
    writeln!(
        report,
        "query_string={}",
        scope.query_string().escape_ascii()
    )?;
    writeln!(report, "root_path={}", scope.root_path())?;
    writeln!(report, "local_path={}", scope.local_path().escape_debug())?;
    writeln!(report, "client={}", peer(scope.client()))?;
    writeln!(report, "server={}", peer(scope.server()))?;
    writeln!(report, "request_id={}", scope.request_id())?;
    writeln!(report, "state_is_empty={}", scope.state().is_empty())?;
    let extensions = (
        scope.offers_trailers(),
        scope.offers_early_hint(),
        scope.offers_pathsend(),
    );
    writeln!(
        report,
        "extensions={extensions:?} tls={}",
        scope.tls().is_some()
    )?;
    if let Some(tls) = scope.tls() {
        writeln!(report, "tls_version={:?}", tls.tls_version())?;
        writeln!(report, "cipher_suite={:?}", tls.cipher_suite())?;
        writeln!(report, "server_cert={:?}", tls.server_cert())?;
        writeln!(report, "client_cert_name={:?}", tls.client_cert_name())?;
        writeln!(report, "client_cert_error={:?}", tls.client_cert_error())?;
        writeln!(report, "client_cert_chain={:?}", tls.client_cert_chain())?;
    }
    for (name, value) in scope.headers() {
        writeln!(
            report,
            "header={}: {}",
            name.escape_ascii(),
            value.escape_ascii()
        )?;
    }
    writeln!(report, "body={}", body.escape_ascii())?;
    send.respond(200, [("content-type", "text/plain")], report)
        .await?;
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
