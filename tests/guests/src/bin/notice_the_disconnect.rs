//! Tells the log how it hears that the client is gone: from `send` (`/send`), from `receive` (`/receive`), and what it
//! does after that (`D-01`–`D-04`).

use std::time::Duration;

use wasgi_guests::unless_ok;
use wasgi_sdk::task::sleep;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    send.start(200, [("content-type", "text/plain")]).await?;
    send.body("hello ", true).await?;
    if scope.path() == "/send" {
        let error = loop {
            if let Err(error) = send.body("tick ", true).await {
                break error;
            }
            sleep(Duration::from_millis(1)).await;
        };
        println!("send: {error:?}");
        println!("then receive: {:?}", skip_requests(&receive).await);
    } else {
        println!("receive: {:?}", skip_requests(&receive).await);
        println!("then send: {:?}", send.body("tick", true).await);
    }
    println!("again receive: {:?}", receive.next().await);
    sleep(Duration::from_millis(20)).await;
    println!("the app goes on");
    // Escapes, and counts as a clean end (`A-09`, `D-02`).
    send.body("tick", true).await?;
    println!("not reached");
    Ok(())
}

async fn skip_requests(receive: &Receive) -> wasgi_sdk::Event {
    loop {
        match receive.next().await {
            wasgi_sdk::Event::Request { .. } => {}
            other => return other,
        }
    }
}

wasgi_sdk::app!(app);

fn main() {}
