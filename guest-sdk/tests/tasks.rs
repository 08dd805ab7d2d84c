//! The task kit: timers, deadlines, spawned tasks and their end.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use wasgi_sdk::task::{Aborted, Instant, interval, sleep, sleep_until, spawn, timeout, yield_now};
use wasgi_sdk::testing::{Builder, TestClient};
use wasgi_sdk::{App, Error, Receive, Scope, Send};

const MS: Duration = Duration::from_millis(1);

/// Runs `work` as the handler of one request, and fails if it does.
fn run<F, Fut>(work: F)
where
    F: Fn() -> Fut + Clone + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let mut client = TestClient::start(app(work));
    assert_eq!(client.get("/").send().text(), "done");
}

fn app<F, Fut>(work: F) -> impl App
where
    F: Fn() -> Fut + Clone + 'static,
    Fut: Future<Output = ()> + 'static,
{
    move |scope: Scope, _: Receive, send: Send| {
        let work = work.clone();
        async move {
            scope.into_http()?;
            work().await;
            send.respond(200, [("x", "y")], "done").await?;
            Ok::<_, Error>(())
        }
    }
}

#[test]
fn timers_fire_in_the_order_of_their_deadlines() {
    run(async || {
        let log = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = [30, 10, 20, 10]
            .into_iter()
            .enumerate()
            .map(|(number, delay)| {
                let log = log.clone();
                spawn(async move {
                    sleep(delay * MS).await;
                    log.borrow_mut().push(number);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*log.borrow(), [1, 3, 2, 0]);
    });
}

#[test]
fn sleep_takes_as_long_as_it_says() {
    run(async || {
        let before = Instant::now();
        sleep(250 * MS).await;
        assert_eq!(before.elapsed(), 250 * MS);
        sleep_until(before).await; // in the past: at once
        assert_eq!(before.elapsed(), 250 * MS);
    });
}

#[test]
fn timeout_drops_what_is_late() {
    struct Note(Rc<RefCell<bool>>);
    impl Drop for Note {
        fn drop(&mut self) {
            *self.0.borrow_mut() = true;
        }
    }
    run(async || {
        let dropped = Rc::new(RefCell::new(false));
        let note = Note(dropped.clone());
        let late = async move {
            let _note = note;
            sleep(100 * MS).await;
        };
        assert!(timeout(10 * MS, late).await.is_err());
        assert!(*dropped.borrow());
        assert_eq!(timeout(10 * MS, async { 7 }).await, Ok(7));
    });
}

#[test]
fn intervals_do_not_drift() {
    run(async || {
        let start = Instant::now();
        let mut ticks = interval(10 * MS);
        ticks.tick().await;
        sleep(25 * MS).await; // misses two
        ticks.tick().await;
        assert_eq!(start.elapsed(), 35 * MS); // the one of 20 is late, the one of 30 left out
        ticks.tick().await;
        assert_eq!(start.elapsed(), 40 * MS);
    });
}

#[test]
fn aborting_drops_the_future_and_tells_the_handle() {
    run(async || {
        let task = spawn(async {
            sleep(Duration::from_secs(3_600)).await;
        });
        yield_now().await;
        assert!(!task.is_finished());
        task.abort();
        assert_eq!(task.await, Err(Aborted));

        let done = spawn(async { 1 });
        yield_now().await;
        done.abort();
        assert_eq!(done.await, Ok(1)); // it was done before
    });
}

#[test]
fn spawned_tasks_outlive_their_call_g11() {
    let log = Rc::new(RefCell::new(0));
    let seen = log.clone();
    let mut client = TestClient::start(app(move || {
        let log = log.clone();
        async move {
            spawn(async move {
                sleep(Duration::from_secs(10)).await;
                *log.borrow_mut() += 1;
            });
        }
    }));
    client.get("/").send();
    client.get("/").send();
    assert_eq!(*seen.borrow(), 0);
    client.advance(Duration::from_secs(10));
    assert_eq!(*seen.borrow(), 2);
}

#[test]
fn tasks_that_never_rest_do_not_keep_others_out() {
    let mut client = TestClient::start(async |scope: Scope, _: Receive, send: Send| {
        if scope.into_http()?.path() == "/busy" {
            loop {
                yield_now().await;
            }
        }
        send.respond(200, [("x", "y")], "served").await?;
        Ok::<_, Error>(())
    });
    client.get("/busy").start();
    let call = client.get("/").start();
    assert_eq!(client.response(call).text(), "served");
}

#[test]
fn real_time_waits_for_timers_and_other_threads() {
    let mut client = Builder::new().real_time().start(app(async || {
        sleep(5 * MS).await;
        let slot = std::sync::Arc::new(std::sync::Mutex::new((false, None::<std::task::Waker>)));
        let theirs = slot.clone();
        std::thread::spawn(move || {
            std::thread::park_timeout(10 * MS);
            let mut slot = theirs.lock().unwrap();
            slot.0 = true;
            if let Some(waker) = slot.1.take() {
                waker.wake();
            }
        });
        std::future::poll_fn(|cx| {
            let mut slot = slot.lock().unwrap();
            slot.1 = Some(cx.waker().clone());
            if slot.0 {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    }));
    assert_eq!(client.get("/").send().text(), "done");
}
