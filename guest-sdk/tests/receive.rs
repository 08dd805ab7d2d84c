//! `receive` as an app sees it: the request body, its credit, cancelling, and the end.

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use wasgi_sdk::task::{sleep, spawn, timeout};
use wasgi_sdk::testing::{Outcome, TestClient};
use wasgi_sdk::{BodyError, Error, Event, Receive, Send};

use common::http;

const MARK: usize = 65_536;

async fn ok(send: &Send) -> Result<(), Error> {
    Ok(send.respond(200, [("x", "y")], "ok").await?)
}

fn request(body: &'static [u8], more_body: bool) -> Event {
    Event::Request {
        body: body.into(),
        more_body,
    }
}

#[test]
fn first_event_is_a_request_even_without_a_body_q02() {
    let mut client = TestClient::start(http(async |receive, send| {
        assert_eq!(receive.next().await, request(b"", false));
        ok(&send).await
    }));
    assert_eq!(client.get("/").send().text(), "ok");
}

#[test]
fn after_the_body_receive_blocks_until_the_client_is_gone_q10() {
    let mut client = TestClient::start(http(async |receive, _send| {
        receive.next().await;
        assert!(
            timeout(Duration::from_secs(60), receive.next())
                .await
                .is_err()
        );
        assert_eq!(receive.next().await, Event::Disconnect);
        Ok(())
    }));
    let call = client.get("/").start();
    client.advance(Duration::from_secs(61));
    assert_eq!(client.response(call).outcome(), None);
    client.disconnect(call);
    assert_eq!(client.response(call).outcome(), Some(&Outcome::Returned));
}

#[test]
fn disconnect_comes_again_and_again_q11() {
    let mut client = TestClient::start(http(async |receive, send| {
        receive.next().await;
        for _ in 0..5 {
            assert_eq!(receive.next().await, Event::Disconnect);
        }
        assert!(send.start(200, [("a", "b")]).await.is_err());
        Ok(())
    }));
    let call = client.get("/").start();
    client.disconnect(call);
    assert_eq!(client.response(call).outcome(), Some(&Outcome::Returned));
}

#[test]
fn a_complete_response_is_a_disconnect_at_once_q09_q12() {
    let mut client = TestClient::start(http(async |receive, send| {
        ok(&send).await?;
        for _ in 0..2 {
            assert_eq!(receive.next().await, Event::Disconnect); // the body was never read
        }
        Ok(())
    }));
    let response = client.post("/").body("unread").send();
    assert_eq!(response.outcome(), Some(&Outcome::Returned));
}

#[test]
fn a_pending_receive_wakes_when_the_response_is_complete_q09() {
    let mut client = TestClient::start(http(async |receive, send| {
        receive.next().await;
        let watcher = spawn(async move { receive.next().await });
        sleep(Duration::from_millis(5)).await;
        ok(&send).await?;
        assert_eq!(watcher.await?, Event::Disconnect);
        Ok(())
    }));
    let call = client.get("/").start();
    assert_eq!(
        client.wait_finished(call).outcome(),
        Some(&Outcome::Returned)
    );
}

/// `wait_for(receive(), 0.05)` a hundred times, then one message, must arrive exactly once.
#[test]
fn a_dropped_receive_loses_nothing_g09() {
    for _ in 0..100 {
        let mut client = TestClient::start(http(async |receive, send| {
            for _ in 0..100 {
                assert!(
                    timeout(Duration::from_millis(50), receive.next())
                        .await
                        .is_err()
                );
            }
            assert_eq!(receive.next().await, request(b"once", true));
            assert_eq!(receive.next().await, request(b"", false));
            ok(&send).await
        }));
        let call = client.post("/").open();
        client.advance(Duration::from_secs(6));
        client.push(call, "once");
        client.end_body(call);
        assert_eq!(client.wait(call).text(), "ok");
    }
}

#[test]
fn a_receive_dropped_in_the_turn_of_its_event_loses_nothing_g09() {
    let mut client = TestClient::start(http(async |receive, send| {
        let mut next = Box::pin(receive.next());
        // Registers, and is dropped together with the wake-up that the event caused.
        assert!(timeout(Duration::ZERO, &mut next).await.is_err());
        sleep(Duration::from_millis(1)).await;
        drop(next);
        assert_eq!(receive.next().await, request(b"still here", false));
        ok(&send).await
    }));
    let call = client.post("/").open();
    client.push(call, "still here");
    client.end_body(call);
    assert_eq!(client.wait(call).text(), "ok");
}

#[test]
fn waiters_are_served_in_order_a16() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let seen = log.clone();
    let mut client = TestClient::start(http(move |receive: Receive, send: Send| {
        let log = log.clone();
        async move {
            let waiters: Vec<_> = (0..4)
                .map(|number| {
                    let (receive, log) = (receive.clone(), log.clone());
                    spawn(async move {
                        let event = receive.next().await;
                        log.borrow_mut().push((number, event));
                    })
                })
                .collect();
            sleep(Duration::from_millis(1)).await;
            waiters[1].abort(); // gives its place to the next
            for (number, waiter) in waiters.into_iter().enumerate() {
                assert_eq!(waiter.await.is_ok(), number != 1);
            }
            ok(&send).await
        }
    }));
    let call = client.post("/").open();
    client.advance(Duration::from_millis(2));
    for piece in ["a", "b", "c"] {
        client.push(call, piece);
    }
    client.end_body(call);
    assert_eq!(client.wait(call).text(), "ok");
    let expected: Vec<_> = vec![
        (0, request(b"a", true)),
        (2, request(b"b", true)),
        (3, request(b"c", true)),
    ];
    assert_eq!(*seen.borrow(), expected);
}

#[test]
fn the_host_is_asked_at_the_first_receive_and_again_as_the_app_consumes_q07_g20() {
    let mut client = TestClient::start(http(async |receive, send| {
        sleep(Duration::from_secs(1)).await;
        let mut sum = 0;
        while let Event::Request { body, more_body } = receive.next().await {
            sum += body.len();
            if !more_body {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(send.respond(200, [("x", "y")], sum.to_string()).await?)
    }));
    let call = client.post("/").open();
    assert_eq!(client.credit(call), 0);
    client.advance(Duration::from_secs(1));
    assert_eq!(client.credit(call), MARK);
    for _ in 0..20 {
        client.push(call, vec![b'x'; 50_000]);
    }
    client.end_body(call);
    assert_eq!(client.wait(call).text(), "1000000");
}

#[test]
fn body_collects_up_to_a_limit() {
    let mut client = TestClient::start(http(async |receive, send| {
        let answer = match receive.body(10).await {
            Ok(body) => body,
            Err(error) => error.to_string().into(),
        };
        Ok(send.respond(200, [("x", "y")], answer).await?)
    }));
    assert_eq!(
        client.post("/").chunks(["01234", "56789"]).send().text(),
        "0123456789"
    );
    assert!(
        client
            .post("/")
            .chunks(["01234", "56789x"])
            .send()
            .text()
            .contains("more than 10")
    );
}

#[test]
fn a_stream_ends_with_an_error_when_the_client_leaves() {
    let mut client = TestClient::start(http(async |receive, _send| {
        let mut stream = receive.stream();
        assert_eq!(stream.next().await, Some(Ok("abc".into())));
        let error = stream.next().await;
        assert_eq!(error, Some(Err(BodyError::Disconnected)));
        assert_eq!(stream.next().await, None);
        Err(BodyError::Disconnected.into()) // a clean end (`A-09`)
    }));
    let call = client.post("/").chunks(["abc"]).open();
    client.disconnect(call);
    assert_eq!(client.response(call).outcome(), Some(&Outcome::Returned));
}
