//! Sends without awaiting, which keeps its place all the same (`G-22`), and more at once than any buffer holds (`G-21`).

use wasgi_guests::{number, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    let pieces = number(&scope, "pieces").unwrap_or(3);
    let length = number(&scope, "length").unwrap_or(10) as usize;
    drop(send.start(200, [("content-type", "text/plain")]));
    for piece in 0..pieces {
        let letter = b'a' + (piece % 26) as u8;
        drop(send.body(vec![letter; length], true));
    }
    send.body("end", false).await?;
    println!("all of it has been taken");
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
