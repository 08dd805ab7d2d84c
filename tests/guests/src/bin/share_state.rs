//! Keeps a counter in the state that start-up made (`L-09`) and answers with what a call sees of it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use wasgi_guests::text;
use wasgi_sdk::{Error, Event, LifespanScope, Receive, Scope, Send};

struct Counter(Mutex<u64>);

static ALIVE: AtomicU64 = AtomicU64::new(0);

/// Counts its copies: what is alive after its call has leaked.
struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Relaxed);
    }
}

async fn app(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    let mut scope = match scope {
        Scope::Lifespan(scope) => return lifespan(scope, receive, send).await,
        Scope::Http(scope) => scope,
        _ => return Err("no such protocol".into()),
    };
    let state = scope.state();
    let counter = state.get::<Counter>().ok_or("no counter in the state")?;
    let greeting = state
        .named::<String>("greeting")
        .ok_or("no greeting in the state")?;
    let left_by_another = state.named::<Guard>("mine").is_some();
    let count = {
        let mut count = counter.0.lock().unwrap_or_else(|error| error.into_inner());
        *count += 1;
        *count
    };
    ALIVE.fetch_add(1, Relaxed);
    scope.state_mut().set("mine", Guard);
    scope
        .state_mut()
        .set("greeting", String::from("changed by a call"));
    let alive = ALIVE.load(Relaxed);
    let pages = memory_pages();
    text(
        &send,
        200,
        format!("count={count} greeting={greeting} left_by_another={left_by_another} alive={alive} pages={pages}"),
    )
    .await
}

async fn lifespan(scope: LifespanScope, receive: Receive, send: Send) -> Result<(), Error> {
    loop {
        match receive.next().await {
            Event::LifespanStartup => {
                scope.insert(Counter(Mutex::new(0)));
                scope.set("greeting", String::from("hello"));
                send.startup_complete().await?;
            }
            _ => {
                let count = scope
                    .state()
                    .get::<Counter>()
                    .map(|counter| *counter.0.lock().unwrap_or_else(|error| error.into_inner()));
                println!("at shutdown the count is {count:?}");
                send.shutdown_complete().await?;
                return Ok(());
            }
        }
    }
}

#[cfg(target_arch = "wasm32")]
fn memory_pages() -> usize {
    core::arch::wasm32::memory_size(0)
}

#[cfg(not(target_arch = "wasm32"))]
fn memory_pages() -> usize {
    0
}

wasgi_sdk::app!(app);

fn main() {}
