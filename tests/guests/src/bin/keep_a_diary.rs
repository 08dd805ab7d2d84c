//! Says about its instance what only memory knows: `/` and anything else answers
//! `instance=NUMBER calls=HOW-MANY-SO-FAR most=MOST-AT-A-TIME`, after `?ms=` milliseconds. `/leak?mib=N` takes that much and keeps it
//! first, `/trap` panics instead.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use wasgi_guests::{number, text, unless_ok};
use wasgi_sdk::task::sleep;
use wasgi_sdk::{Error, Receive, Scope, Send};

thread_local! {
    static INSTANCE: u64 = RandomState::new().hash_one("instance");
    static LEAKED: RefCell<Vec<Vec<u8>>> = RefCell::default();
    static CALLS: Cell<u64> = Cell::default();
    static NOW: Cell<u64> = Cell::default();
    static MOST: Cell<u64> = Cell::default();
}

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    CALLS.set(CALLS.get() + 1);
    NOW.set(NOW.get() + 1);
    MOST.set(MOST.get().max(NOW.get()));
    match &*scope.path() {
        "/leak" => {
            for _ in 0..number(&scope, "mib").unwrap_or(0) {
                let mebibyte = std::hint::black_box(vec![1_u8; 1024 * 1024]);
                LEAKED.with_borrow_mut(|leaked| leaked.push(mebibyte));
            }
        }
        "/trap" => panic!("told to"),
        _ => {}
    }
    if let Some(ms) = number(&scope, "ms") {
        println!("working at {}", scope.path());
        sleep(Duration::from_millis(ms)).await;
    }
    let page = format!(
        "instance={:016x} calls={} most={}",
        INSTANCE.with(|number| *number),
        CALLS.get(),
        MOST.get()
    );
    NOW.set(NOW.get() - 1);
    text(&send, 200, page).await
}

wasgi_sdk::app!(app);

fn main() {}
