//! Who leaves its thread, who comes back, and what is left when it is ended there.

use std::future::poll_fn;
use std::time::Duration;

use super::*;

fn ledger() -> Arc<Ledger> {
    Ledger::new(Duration::from_secs(10))
}

fn burn(ledger: &Ledger) {
    ledger.tick().unwrap();
    let began = Instant::now();
    while began.elapsed() < crate::wasm::engine::TICK * 3 {}
    ledger.tick().unwrap();
}

fn here() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

/// Each turn burns, or rests for long enough to be found to behave; gives the threads on which they were, and the instance
/// ends with the last.
async fn guest(ledger: Arc<Ledger>, burns: &'static [bool]) -> Vec<String> {
    let mut places = Vec::new();
    for burns in burns {
        places.push(here());
        ledger.rested();
        match burns {
            true => burn(&ledger),
            false => tokio::time::sleep(Duration::from_millis(200)).await,
        }
        tokio::task::yield_now().await;
    }
    places
}

/// An app among so many, and the others.
fn apps(count: usize, forgiven: Duration) -> (Neighbour, Vec<Neighbour>) {
    let lane = Arc::<SlowLane>::default();
    let others = (1..count).map(|_| lane.neighbour()).collect();
    let mut app = lane.neighbour();
    app.record = Arc::new(Record::new(forgiven));
    (app, others)
}

/// Whether each turn of a further instance is in the slow lane.
async fn went(app: &Neighbour, burns: &'static [bool]) -> Vec<bool> {
    let ledger = ledger();
    ledger.has_started();
    let driving = Driving::new(app, ledger.clone(), guest(ledger, burns));
    let places = driving.await.unwrap();
    places
        .iter()
        .map(|name| name.starts_with("wasgi-slow"))
        .collect()
}

#[tokio::test]
async fn g06_who_burns_a_tick_leaves_its_neighbours_alone() {
    let (app, _others) = apps(2, Duration::from_secs(60));
    let burns = &[false, true, false, true];
    assert_eq!(went(&app, burns).await, [false, false, true, true]);
}

#[tokio::test]
async fn an_app_without_neighbours_stays() {
    let (app, _others) = apps(1, Duration::from_secs(60));
    app.crashed();
    assert_eq!(went(&app, &[true, true, false]).await, [false; 3]);
}

#[tokio::test]
async fn who_behaves_comes_back() {
    let (app, _others) = apps(2, Duration::ZERO);
    let burns = &[true, true, false, false, false];
    // The turn after which it is found to behave is still there.
    let places = [false, true, true, false, false];
    assert_eq!(went(&app, burns).await, places);
}

#[tokio::test]
async fn the_next_instance_begins_where_the_last_one_was_sent() {
    let (app, _others) = apps(2, Duration::from_secs(60));
    assert_eq!(went(&app, &[true, false]).await, [false, true]);
    assert_eq!(went(&app, &[false, false]).await, [true, true]);
}

#[tokio::test]
async fn the_next_instance_after_a_crash_begins_elsewhere() {
    let (app, others) = apps(2, Duration::from_secs(60));
    app.crashed();
    assert_eq!(went(&app, &[false, false]).await, [true, true]);
    assert_eq!(went(&others[0], &[false]).await, [false], "another app's");
}

#[tokio::test]
async fn a_long_start_is_no_offence() {
    let (app, _others) = apps(2, Duration::from_secs(60));
    let ledger = ledger();
    let starts = ledger.clone();
    let mut turn = 0;
    let started = poll_fn(move |cx| {
        turn += 1;
        match turn {
            1 => burn(&starts),
            2 => starts.has_started(),
            _ => return Poll::Ready(here()),
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    let own = here();
    let driving = Driving::new(&app, ledger, started);
    assert_eq!(driving.await.unwrap(), own);
    assert_eq!(went(&app, &[false]).await, [false], "the next");
}

#[tokio::test]
async fn what_is_ended_in_the_slow_lane_is_dropped_before_that_returns() {
    let (app, _others) = apps(2, Duration::from_secs(60));
    let ledger = ledger();
    let (memory, burns) = (Arc::new(()), ledger.clone());
    let held = memory.clone();
    let (says_away, away) = oneshot::channel();
    let mut says_away = Some(says_away);
    let mut driving = Driving::new(&app, ledger, async move {
        poll_fn(|cx| {
            burn(&burns);
            if here().starts_with("wasgi-slow")
                && let Some(away) = says_away.take()
            {
                let _ = away.send(());
            }
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })
        .await;
        drop(held);
    });
    tokio::select! {
        _ = &mut driving => panic!("it never ends"),
        _ = away => {}
    }
    driving.end().await;
    assert_eq!(Arc::strong_count(&memory), 1);
}
