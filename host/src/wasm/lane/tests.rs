//! Who leaves its thread, who comes back, and what is left when it is ended there.

use std::future::poll_fn;

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

/// Each turn burns or not; gives the threads on which they were, and the instance ends with the last.
fn guest(
    ledger: &Arc<Ledger>,
    burns: &'static [bool],
) -> impl Future<Output = Vec<String>> + Send + 'static {
    let ledger = ledger.clone();
    let mut places = Vec::new();
    poll_fn(move |cx| {
        let Some(burns) = burns.get(places.len()) else {
            return Poll::Ready(std::mem::take(&mut places));
        };
        places.push(here());
        ledger.rested();
        if *burns {
            burn(&ledger);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

async fn places(neighbours: usize, burns: &'static [bool], forgiven: Duration) -> Vec<bool> {
    let lane = Arc::<SlowLane>::default();
    let _apps: Vec<_> = (0..neighbours).map(|_| lane.neighbour()).collect();
    let ledger = ledger();
    let mut driving = Driving::new(lane, ledger.clone(), guest(&ledger, burns));
    driving.forgiven = forgiven;
    let places = driving.await.unwrap();
    places
        .iter()
        .map(|name| name.starts_with("wasgi-slow"))
        .collect()
}

#[tokio::test]
async fn g06_who_burns_a_tick_leaves_its_neighbours_alone() {
    let long = Duration::from_secs(60);
    let burns = &[false, true, false, true];
    assert_eq!(places(2, burns, long).await, [false, false, true, true]);
}

#[tokio::test]
async fn an_app_without_neighbours_stays() {
    let burns = &[true, true, false];
    assert_eq!(places(1, burns, Duration::ZERO).await, [false; 3]);
}

#[tokio::test]
async fn who_behaves_comes_back() {
    let burns = &[true, true, false, false, false];
    let went = places(2, burns, Duration::ZERO).await;
    // The turn after which it is found to behave is still there.
    assert_eq!(went, [false, true, true, false, false]);
}

#[tokio::test]
async fn a_long_start_is_no_offence() {
    let lane = Arc::<SlowLane>::default();
    let _apps = (lane.neighbour(), lane.neighbour());
    let ledger = ledger();
    let excuses = ledger.clone();
    let mut turn = 0;
    let started = poll_fn(move |cx| {
        turn += 1;
        match turn {
            1 => burn(&excuses),
            2 => excuses.excuse(),
            _ => return Poll::Ready(here()),
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    let own = here();
    let driving = Driving::new(lane, ledger, started);
    assert_eq!(driving.await.unwrap(), own);
}

#[tokio::test]
async fn what_is_ended_in_the_slow_lane_is_dropped_before_that_returns() {
    let lane = Arc::<SlowLane>::default();
    let _apps = (lane.neighbour(), lane.neighbour());
    let ledger = ledger();
    let (memory, burns) = (Arc::new(()), ledger.clone());
    let held = memory.clone();
    let (says_away, away) = oneshot::channel();
    let mut says_away = Some(says_away);
    let mut driving = Driving::new(lane, ledger, async move {
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
