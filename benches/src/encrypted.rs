//! Hello over TLS and over HTTP/2: bare hyper and the raw app, each pair with the same certificate and the same client.
//!
//! As [`requests`](crate::requests), whose ratios are without either. TLS is rustls with ring on both sides, TLS 1.3; the
//! connections are kept, so that no handshake is measured.

use crate::args::Effort;
use crate::layers::{Certificate, Layers};
use crate::load;
use crate::report::RequestRow;
use crate::requests::{BODY, Contender, table};
use crate::server::Server;
use crate::tools::{Guests, Tools};
use crate::wire::Exchange;

/// Runs the scenario.
pub(crate) async fn measure(
    tools: &Tools,
    guests: &Guests,
    effort: &Effort,
) -> anyhow::Result<Vec<RequestRow>> {
    let hello = Exchange::get("/", BODY);
    let certificate = Certificate::make(&tools.logs)?;
    let files = [&certificate.certificate, &certificate.key];
    let [pem, key] = files.map(|path| path.to_string_lossy());
    let tls = Some(certificate.config.clone());
    let mut rows = Vec::new();
    for (name, layers) in [
        (
            "HTTPS",
            Layers {
                tls: tls.clone(),
                http2: false,
            },
        ),
        ("HTTPS, HTTP/2", Layers { tls, http2: true }),
        (
            "HTTP/2",
            Layers {
                tls: None,
                http2: true,
            },
        ),
    ] {
        for connections in [64, 1] {
            let mut peer = tools.peer();
            peer.name = format!("bare hyper, {name}");
            let mut own = vec!["--no-access-log"];
            if layers.tls.is_some() {
                peer.args = files.map(Into::into).to_vec();
                own.extend(["--ssl-certfile", &pem, "--ssl-keyfile", &key]);
            } else {
                peer.args = vec!["--http2".into()];
            }
            let hello_app = tools.serve(&format!("hello, {name}"), &guests.hello, &own);
            let mut contenders = [Contender::new(peer, None), Contender::new(hello_app, None)];
            for round in 1..=effort.rounds {
                for contender in &mut contenders {
                    let shown = &contender.program.name;
                    eprintln!("connections: {connections}, round {round}: {shown}");
                    let server = Server::start(&contender.program, &tools.logs).await?;
                    let sample =
                        load::measure_over(&server, connections, &hello, effort, &layers).await?;
                    contender.samples.push(sample);
                }
            }
            rows.extend(table(connections, &contenders));
        }
    }
    Ok(rows)
}
