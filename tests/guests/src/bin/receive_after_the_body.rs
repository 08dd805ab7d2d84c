//! Goes on to receive when the body is over: it has to wait (`Q-10`), and then get disconnects for ever (`Q-09`, `Q-11`).

use std::time::Duration;

use wasgi_guests::{read_all, text, unless_ok};
use wasgi_sdk::task::timeout;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    read_all(&receive).await;
    if scope.path() == "/wait" {
        println!("waiting");
        for turn in 1..=3 {
            println!("receive {turn}: {:?}", receive.next().await);
        }
        return Ok(());
    }
    let waited = timeout(Duration::from_millis(100), receive.next()).await;
    text(&send, 200, format!("{waited:?}")).await?;
    for turn in 1..=3 {
        println!("receive {turn}: {:?}", receive.next().await);
    }
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
