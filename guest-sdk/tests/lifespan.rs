//! The lifespan, and the state that it leaves to the calls.

use std::sync::atomic::{AtomicU32, Ordering};

use wasgi_sdk::testing::{Builder, Started, TestClient};
use wasgi_sdk::{Error, Event, Receive, Scope, Send, SendError};

#[derive(Default)]
struct Counter(AtomicU32);

async fn full(scope: Scope, receive: Receive, send: Send) -> Result<(), Error> {
    match scope {
        Scope::Http(mut scope) => {
            let counter = scope.state().get::<Counter>().ok_or("no counter")?;
            let hits = counter.0.fetch_add(1, Ordering::Relaxed) + 1;
            let leaked = scope.state().named::<u32>("mine").is_some();
            scope.state_mut().set("mine", hits);
            Ok(send
                .respond(200, [("x", "y")], format!("{hits} {leaked}"))
                .await?)
        }
        Scope::Lifespan(scope) => {
            assert_eq!(receive.next().await, Event::LifespanStartup);
            assert!(matches!(
                send.respond(200, [("x", "y")], "").await,
                Err(SendError::InvalidState(_))
            ));
            assert!(matches!(
                send.shutdown_complete().await,
                Err(SendError::InvalidState(_))
            ));
            scope.insert(Counter::default());
            send.startup_complete().await?;
            assert!(matches!(
                send.startup_complete().await,
                Err(SendError::InvalidState(_))
            ));
            assert_eq!(receive.next().await, Event::LifespanShutdown);
            let hits = scope
                .state()
                .get::<Counter>()
                .ok_or("state is gone")?
                .0
                .load(Ordering::Relaxed); // `L-10`
            if hits > 2 {
                return Ok(send.shutdown_failed("too many hits").await?);
            }
            Ok(send.shutdown_complete().await?)
        }
        other => Err(other.kind().into()),
    }
}

#[test]
fn startup_then_calls_then_shutdown_l03() {
    let mut client = TestClient::start(full);
    assert_eq!(client.started(), Started::Complete);
    assert_eq!(client.get("/").send().text(), "1 false");
    assert_eq!(client.shutdown(), Ok(()));
}

#[test]
fn each_call_gets_a_shallow_copy_of_the_state_l09() {
    let mut client = TestClient::start(full);
    for hits in 1..=1_000 {
        assert_eq!(client.get("/").send().text(), format!("{hits} false")); // shared below, private on top
    }
    assert_eq!(client.shutdown(), Err("too many hits".to_owned())); // `L-06`
}

#[test]
fn raising_for_the_lifespan_means_no_lifespan_l04() {
    let mut client = TestClient::start(async |scope: Scope, _: Receive, send: Send| {
        scope.into_http()?;
        send.respond(200, [("x", "y")], "served").await?;
        Ok::<_, Error>(())
    });
    assert!(matches!(client.started(), Started::Unsupported(text) if text.contains("no lifespan")));
    assert_eq!(client.get("/").send().text(), "served");
    assert_eq!(client.shutdown(), Ok(())); // the SDK answers, the app is not asked
}

#[test]
fn returning_without_a_word_means_no_lifespan_l07() {
    let client = TestClient::start(async |_: Scope, _: Receive, _: Send| Ok::<_, Error>(()));
    assert!(matches!(client.started(), Started::Unsupported(_)));
    assert_eq!(client.shutdown(), Ok(()));
}

#[test]
fn raising_during_startup_means_no_lifespan_l04() {
    let client = TestClient::start(async |_: Scope, receive: Receive, _: Send| {
        receive.next().await;
        Err::<(), Error>("database is down".into())
    });
    assert_eq!(
        client.started(),
        Started::Unsupported("database is down".to_owned())
    );
}

#[test]
fn a_failed_startup_says_why_l05() {
    let client = Builder::new().start(async |_: Scope, receive: Receive, send: Send| {
        receive.next().await;
        send.startup_failed("no configuration").await?;
        Ok::<_, Error>(())
    });
    assert_eq!(
        client.started(),
        Started::Failed("no configuration".to_owned())
    );
}

#[test]
fn a_lifespan_that_ends_early_is_answered_for() {
    let client = TestClient::start(async |_: Scope, _: Receive, send: Send| {
        send.startup_complete().await?;
        Ok::<_, Error>(())
    });
    assert_eq!(client.started(), Started::Complete);
    assert_eq!(client.shutdown(), Ok(()));
}

#[test]
fn raising_at_shutdown_is_a_failed_shutdown_l06() {
    let client = TestClient::start(async |_: Scope, receive: Receive, send: Send| {
        receive.next().await;
        send.startup_complete().await?;
        receive.next().await;
        Err::<(), Error>("pool would not close".into())
    });
    assert_eq!(client.shutdown(), Err("pool would not close".to_owned()));
}
