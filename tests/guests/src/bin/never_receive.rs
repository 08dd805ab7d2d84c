//! Never asks for the body (`Q-06`): `/sleep` does nothing, for ever; every other path answers at once, and tells the
//! log what `receive` yields after that (`Q-12`).

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    if scope.path() == "/sleep" {
        println!("sleeping");
        send.disconnected().await;
        println!("the client is gone");
        return Ok(());
    }
    text(&send, 200, "answered without the body").await?;
    println!("after the response: {:?}", receive.next().await);
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
