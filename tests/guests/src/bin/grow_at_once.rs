//! Asks for 4 GiB of memory in one go, and then as much as it gets, page by page (`G-07`); says what it got.

use wasgi_guests::{text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    if unless_ok(scope, &send).await?.is_none() {
        return Ok(());
    }
    let at_once = grow(65_535);
    let mut pages = 0;
    while pages < 65_536 && grow(1) {
        pages += 1;
    }
    text(
        &send,
        200,
        format!("at once: {at_once}, then {pages} pages"),
    )
    .await
}

fn grow(pages: usize) -> bool {
    #[cfg(target_arch = "wasm32")]
    return std::arch::wasm32::memory_grow::<0>(pages) != usize::MAX;
    #[cfg(not(target_arch = "wasm32"))]
    return pages == 0;
}

wasgi_sdk::app!(app);

fn main() {}
