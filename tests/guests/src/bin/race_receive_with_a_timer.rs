//! Races `receive` against a timer, and drops it whenever the timer wins (`G-09`). Answers with the body, when the
//! timer has won a hundred times.

use std::time::Duration;

use wasgi_guests::unless_ok;
use wasgi_sdk::task::{sleep, timeout};
use wasgi_sdk::{Error, Event, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    let (mut whole, mut timeouts) = (Vec::new(), 0);
    loop {
        match timeout(Duration::from_millis(1), receive.next()).await {
            Err(_) => timeouts += 1,
            Ok(Event::Request { body, more_body }) => {
                whole.extend_from_slice(&body);
                if !more_body {
                    break;
                }
            }
            Ok(other) => return Err(format!("{other:?} instead of a body").into()),
        }
        if timeouts == 100 {
            println!("a hundred timeouts");
        }
    }
    sleep(Duration::from_millis(1)).await;
    let timeouts = timeouts.to_string();
    send.respond(200, [("x-timeouts", timeouts.as_str())], whole)
        .await?;
    Ok(())
}

wasgi_sdk::app!(app);

fn main() {}
