//! Answers with a number that is different in each instance, which start-up has made.

use std::hash::{BuildHasher, RandomState};

use wasgi_guests::text;
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    match scope {
        Scope::Lifespan(scope) => {
            receive.next().await;
            scope.insert(RandomState::new().hash_one("instance"));
            send.startup_complete().await?;
            receive.next().await;
            send.shutdown_complete().await?;
            Ok(())
        }
        Scope::Http(scope) => {
            let number = scope
                .state()
                .get::<u64>()
                .ok_or("start-up has made no number")?;
            text(&send, 200, format!("{:016x}", *number)).await
        }
        _ => Err("no such protocol".into()),
    }
}

wasgi_sdk::app!(app);

fn main() {}
