//! A long response and a long request, both in pieces of 64 KiB: what the way through the guest costs per byte.

use bytes::Bytes;
use wasgi_sdk::{Error, Event, Receive, Scope, Send};

/// One `send` of the download: the host's mark for unsent bytes of a call.
const PIECE: &[u8] = &[b'.'; 65_536];

/// 100 MiB.
const PIECES: usize = 1600;

/// `GET /download` and `POST /upload`.
pub async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    match &*scope.path() {
        "/download" => download(&send).await,
        "/upload" => upload(&receive, &send).await,
        _ => Ok(send
            .respond(404, [("content-type", "text/plain")], "")
            .await?),
    }
}

async fn download(send: &Send) -> Result<(), Error> {
    let length = (PIECE.len() * PIECES).to_string();
    let headers = [("content-type", "text/plain"), ("content-length", &*length)];
    send.start(200, headers).await?;
    for sent in 1..=PIECES {
        send.body(Bytes::from_static(PIECE), sent < PIECES).await?;
    }
    Ok(())
}

/// Answers how many bytes came.
async fn upload(receive: &Receive, send: &Send) -> Result<(), Error> {
    let mut read = 0;
    while let Event::Request { body, more_body } = receive.next().await {
        read += body.len();
        if !more_body {
            let headers = [("content-type", "text/plain")];
            send.respond(200, headers, read.to_string()).await?;
            break;
        }
    }
    Ok(())
}

wasgi_sdk::app!(app);
