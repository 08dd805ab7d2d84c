//! What one app can do to those beside it: `/spin` computes for ever, `/grow` takes memory until there is no more and
//! begins again, `/flood` prints and sends for ever, `/trap` traps.

use std::hint::black_box;

use bytes::Bytes;
use wasgi_sdk::{Error, Receive, Scope, Send};

/// Taken at once by `/grow`: every page of it is written to.
const PIECE_BYTES: usize = 1024 * 1024;

/// Sent at once by `/flood`.
const CHUNK: &[u8] = &[b'.'; 65_536];

/// Printed between two sends.
const LINES: u32 = 100;

/// Attacks.
pub async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    let scope = scope.into_http()?;
    match &*scope.path() {
        "/spin" => spin(),
        "/grow" => grow(),
        "/flood" => flood(&send).await,
        "/trap" => std::process::abort(),
        _ => Ok(send
            .respond(200, [("content-type", "text/plain")], "ok")
            .await?),
    }
}

fn spin() -> Result<(), Error> {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn grow() -> Result<(), Error> {
    let mut pieces = Vec::new();
    loop {
        pieces.push(black_box(vec![1_u8; PIECE_BYTES]));
    }
}

async fn flood(send: &Send) -> Result<(), Error> {
    send.start(200, [("content-type", "text/plain")]).await?;
    loop {
        for line in 0..LINES {
            println!("line {line} of a flood that nobody wants to read");
        }
        send.body(Bytes::from_static(CHUNK), true).await?;
    }
}

wasgi_sdk::app!(app);
