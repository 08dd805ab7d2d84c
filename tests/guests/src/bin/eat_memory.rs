//! Takes memory until there is no more (`G-07`). `/some?mib=N` takes that much and gives it back.

use wasgi_guests::{number, text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    let mebibytes = number(&scope, "mib").unwrap_or(u64::MAX);
    let mut eaten = Vec::new();
    for _ in 0..mebibytes {
        eaten.push(vec![1_u8; 1024 * 1024]);
    }
    text(
        &send,
        200,
        format!("{} MiB", std::hint::black_box(&eaten).len()),
    )
    .await
}

wasgi_sdk::app!(app);

fn main() {}
