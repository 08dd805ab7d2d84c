//! Ten thousand writes of no bytes into a stream of the component model, which is its stdout.

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    let (mut writer, reader) = wasgi_guests::wasi::wit_stream::new::<u8>();
    let written = wasgi_guests::wasi::write_via_stream(reader);
    for _ in 0..10_000 {
        drop(writer.write(Vec::new()).await);
    }
    writer.write_all(b"and at last a line\n".to_vec()).await;
    drop(writer);
    let written = written.await;
    text(&send, 200, format!("{written:?}")).await
}

wasgi_sdk::app!(app);

fn main() {}
