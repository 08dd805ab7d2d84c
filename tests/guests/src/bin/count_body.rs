//! Reads the body and answers with its length, a hash, and how it was cut into events.

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Event, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    let (mut bytes, mut events, mut largest, mut hash) = (0, 0, 0, 0xcbf2_9ce4_8422_2325_u64);
    loop {
        let Event::Request { body, more_body } = receive.next().await else {
            println!("disconnected after {bytes} bytes");
            return Ok(());
        };
        events += 1;
        bytes += body.len();
        largest = largest.max(body.len());
        for byte in body {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        if events == 1 {
            println!("the first event has come, more_body={more_body}");
        }
        if !more_body {
            break;
        }
    }
    text(
        &send,
        200,
        format!("bytes={bytes} hash={hash:016x} events={events} largest={largest}"),
    )
    .await
}

wasgi_sdk::app!(app);

fn main() {}
