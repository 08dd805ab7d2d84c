//! WebSockets as an app sees them: the handshake's answer, messages, how they end, and the credit of both directions.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use wasgi_sdk::task::{sleep, spawn, timeout};
use wasgi_sdk::testing::{Answer, Builder, Outcome, TestClient};
use wasgi_sdk::{
    App, Closed, Error, Event, Handshake, Message, Receive, Scope, Send, SendError, Sender,
    WebSocket,
};

const MARK: usize = 65_536;

const NO_HEADERS: [(&str, &str); 0] = [];

/// An app for WebSockets alone, on the raw layer.
fn raw<F, Fut>(handler: F) -> impl App
where
    F: Fn(Receive, Send) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<(), Error>> + 'static,
{
    move |scope: Scope, receive, send| {
        let handler = handler.clone();
        async move {
            scope.into_websocket()?;
            handler(receive, send).await
        }
    }
}

/// The same with the handshake accepted.
fn accepted<F, Fut>(handler: F) -> impl App
where
    F: Fn(WebSocket) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<(), Error>> + 'static,
{
    move |scope: Scope, receive, send| {
        let handler = handler.clone();
        async move {
            let scope = scope.into_websocket()?;
            handler(Handshake::new(scope, receive, send).accept().await?).await
        }
    }
}

async fn echo(mut socket: WebSocket) -> Result<(), Error> {
    while let Some(message) = socket.recv().await {
        socket.send(message).await?;
    }
    Ok(())
}

fn closed(code: u16, reason: &str) -> Closed {
    Closed {
        code,
        reason: reason.to_owned(),
    }
}

fn disconnect(code: u16, reason: &str) -> Event {
    Event::WebSocketDisconnect(closed(code, reason))
}

#[test]
fn the_scope_is_that_of_the_handshake_w01() {
    let mut client = TestClient::start(async |scope: Scope, receive, send| {
        let scope = scope.into_websocket()?;
        assert_eq!(scope.scheme(), "ws");
        assert_eq!(scope.path(), "/mnt/a b");
        assert_eq!(scope.local_path(), "/a b");
        assert_eq!(scope.query_string(), b"x=1");
        assert_eq!(scope.headers().get_str("cookie"), Some("a=b"));
        assert_eq!(scope.subprotocols(), ["json", "chat"]);
        let handshake = Handshake::new(scope, receive, send).protocols(["chat", "json"]);
        assert_eq!(handshake.selected_protocol(), Some("json"));
        let socket = handshake.header("Set-Cookie", "c=d").accept().await?;
        assert_eq!(socket.protocol(), Some("json"));
        Ok::<_, Error>(())
    });
    let socket = client
        .websocket("/mnt/a%20b?x=1")
        .root_path("/mnt")
        .header("cookie", "a=b")
        .subprotocols(["json", "chat"])
        .connect();
    let answer = client.answer(socket);
    let Answer::Accepted {
        subprotocol,
        headers,
    } = answer
    else {
        panic!("{answer:?}")
    };
    assert_eq!(subprotocol.as_deref(), Some("json"));
    assert_eq!(headers.get_str("set-cookie"), Some("c=d"));
}

#[test]
fn a_scope_that_an_app_does_not_know_is_an_error_a13() {
    let mut client = TestClient::start(async |scope: Scope, _receive, _send| {
        scope.into_http()?;
        Ok::<_, Error>(())
    });
    let socket = client.websocket("/").connect();
    assert_eq!(client.answer(socket).status(), 500);
}

#[test]
fn text_and_bytes_come_back_as_they_went_also_empty_ones_w09_w10() {
    let mut client = TestClient::start(accepted(echo));
    let socket = client.websocket("/").connect();
    for message in [
        Message::text("grüße"),
        Message::text(""),
        Message::binary(vec![0, 255]),
        Message::binary(vec![]),
        Message::binary(vec![7; 3_000_000]),
    ] {
        client.send_message(socket, message.clone());
        assert_eq!(client.receive_message(socket), message);
    }
    client.close(socket, 4000, "bye");
    assert_eq!(
        client.wait_finished(socket).outcome(),
        Some(&Outcome::Returned)
    );
    assert_eq!(client.closed(socket), closed(4000, "bye"));
}

#[test]
fn the_events_in_their_order_w02_w13_w16() {
    let mut client = TestClient::start(raw(async |receive, send| {
        assert_eq!(receive.next().await, Event::WebSocketConnect);
        send.accept(None, NO_HEADERS).await?;
        let message = Message::text("a");
        assert_eq!(receive.next().await, Event::WebSocketReceive(message));
        for _ in 0..3 {
            assert_eq!(receive.next().await, disconnect(1001, "away"));
        }
        assert_eq!(send.message("x").await, Err(SendError::Disconnected)); // W-17
        assert_eq!(send.close(1000, "").await, Err(SendError::Disconnected));
        Ok(())
    }));
    let socket = client.websocket("/").connect();
    client.send_message(socket, "a");
    client.close(socket, 1001, "away");
    let response = client.wait_finished(socket);
    assert_eq!(response.outcome(), Some(&Outcome::Returned));
}

#[test]
fn accept_needs_no_connect_w03() {
    let mut client = TestClient::start(raw(async |receive, send| {
        send.accept(None, NO_HEADERS).await?;
        assert_eq!(receive.next().await, Event::WebSocketConnect);
        send.message("connected").await?;
        assert!(matches!(
            receive.next().await,
            Event::WebSocketReceive(Message::Text(text)) if text == "a"
        ));
        Ok(())
    }));
    let socket = client.websocket("/").connect();
    assert_eq!(client.receive_message(socket).as_text(), Some("connected"));
    client.send_message(socket, "a");
    assert_eq!(client.closed(socket), closed(1000, "")); // W-20
}

#[track_caller]
fn state(result: Result<(), SendError>) {
    assert!(
        matches!(result, Err(SendError::InvalidState(_))),
        "{result:?}"
    );
}

#[track_caller]
fn event(result: Result<(), SendError>) {
    assert!(
        matches!(result, Err(SendError::InvalidEvent(_))),
        "{result:?}"
    );
}

#[test]
fn what_is_out_of_turn_or_wrong_changes_nothing_w05_w06_w11_w12() {
    let mut client = TestClient::start(raw(async |_receive, send| {
        state(send.message("too early").await);
        state(send.body("too early", false).await);
        state(send.early_hint(["</a>"]).await);
        event(send.accept(Some("soap"), NO_HEADERS).await);
        event(
            send.accept(None, [("sec-websocket-protocol", "chat")])
                .await,
        );
        event(send.accept(None, [("a", "b\r\nc: d")]).await);
        event(send.close(1005, "").await);
        send.accept(Some("chat"), NO_HEADERS).await?;
        state(send.accept(None, NO_HEADERS).await);
        state(send.start(403, NO_HEADERS).await);
        state(send.respond(403, NO_HEADERS, "").await);
        for code in [0, 999, 1002, 1005, 1006, 1015, 2999, 5000] {
            event(send.close(code, "").await);
        }
        event(send.close(1000, "x".repeat(124)).await);
        send.message("fine").await?;
        send.close(3000, "x".repeat(123)).await?;
        state(send.close(1000, "").await);
        state(send.message("too late").await);
        Ok(())
    }));
    let socket = client.websocket("/").subprotocols(["chat"]).connect();
    assert_eq!(client.receive_message(socket).as_text(), Some("fine"));
    assert_eq!(client.closed(socket), closed(3000, &"x".repeat(123)));
    assert_eq!(
        client.wait_finished(socket).outcome(),
        Some(&Outcome::Returned)
    );
}

#[test]
fn events_of_other_protocols_are_out_of_turn() {
    let mut client = TestClient::start(async |scope: Scope, _receive, send: Send| {
        scope.into_http()?;
        assert!(matches!(
            send.accept(None, NO_HEADERS).await,
            Err(SendError::InvalidState(_))
        ));
        assert!(send.message("a").await.is_err() && send.close(1000, "").await.is_err());
        Ok::<_, Error>(send.respond(200, NO_HEADERS, "ok").await?)
    });
    assert_eq!(client.get("/").send().text(), "ok");
}

#[test]
fn a_close_before_accept_refuses_and_receive_tells_w07_w08() {
    let mut client = TestClient::start(raw(async |receive, send| {
        assert_eq!(receive.next().await, Event::WebSocketConnect);
        send.close(1000, "").await?;
        assert_eq!(receive.next().await, disconnect(1006, ""));
        assert_eq!(receive.next().await, disconnect(1006, ""));
        assert!(matches!(
            send.accept(None, NO_HEADERS).await,
            Err(SendError::InvalidState(_))
        ));
        Ok(())
    }));
    let socket = client.websocket("/").connect();
    assert_eq!(client.answer(socket).status(), 403);
    assert_eq!(
        client.wait_finished(socket).outcome(),
        Some(&Outcome::Returned)
    );
}

#[test]
fn a_client_that_vanishes_before_accept_w18() {
    let mut client = TestClient::start(raw(async |receive, send| {
        assert_eq!(receive.next().await, Event::WebSocketConnect);
        assert_eq!(receive.next().await, disconnect(1006, ""));
        assert_eq!(
            send.accept(None, NO_HEADERS).await,
            Err(SendError::Disconnected)
        );
        Ok(())
    }));
    let socket = client.websocket("/").open();
    client.disconnect(socket);
    assert_eq!(
        client.wait_finished(socket).outcome(),
        Some(&Outcome::Returned)
    );
}

#[test]
fn a_denial_is_a_response_in_one_or_streamed_e01() {
    let mut client = TestClient::start(async |scope: Scope, receive: Receive, send: Send| {
        let scope = scope.into_websocket()?;
        assert!(scope.offers_denial());
        if scope.path() == "/one" {
            let handshake = Handshake::new(scope, receive, send);
            return Ok::<_, Error>(handshake.deny(401, [("x-a", "b")], "who are you?").await?);
        }
        send.start(404, NO_HEADERS).await?;
        assert!(matches!(
            send.accept(None, NO_HEADERS).await,
            Err(SendError::InvalidState(_))
        ));
        send.body(vec![b'x'; 300_000], true).await?;
        sleep(Duration::from_secs(1)).await;
        send.body("end", false).await?;
        assert_eq!(receive.next().await, Event::WebSocketConnect);
        assert_eq!(receive.next().await, disconnect(1006, ""));
        Ok(())
    });
    let socket = client.websocket("/one").connect();
    let Answer::Denied(response) = client.answer(socket) else {
        panic!("it was not denied")
    };
    assert_eq!(
        (response.status(), response.text()),
        (401, "who are you?".into())
    );
    assert_eq!(response.header("x-a"), Some("b"));

    let socket = client.websocket("/many").connect();
    let Answer::Denied(response) = client.answer(socket) else {
        panic!("it was not denied")
    };
    assert_eq!((response.status(), response.body().len()), (404, 300_003));
    assert_eq!(
        client.wait_finished(socket).outcome(),
        Some(&Outcome::Returned)
    );
}

#[test]
fn a_denial_that_is_not_offered_is_an_error_and_deny_falls_back_to_403_a14() {
    let app = async |scope: Scope, receive, send: Send| {
        let scope = scope.into_websocket()?;
        assert!(matches!(
            send.respond(401, NO_HEADERS, "").await,
            Err(SendError::Unsupported(_))
        ));
        let handshake = Handshake::new(scope, receive, send);
        Ok::<_, Error>(handshake.deny(401, NO_HEADERS, "who?").await?)
    };
    let mut client = Builder::new().withhold_denial().start(app);
    let socket = client.websocket("/").connect();
    assert_eq!(client.answer(socket).status(), 403);
}

#[test]
fn an_app_that_ends_early_w19_w20_w21() {
    let mut client = TestClient::start(async |scope: Scope, _receive, send: Send| {
        let scope = scope.into_websocket()?;
        if scope.path().contains("accept") {
            send.accept(None, NO_HEADERS).await?;
        }
        if scope.path().contains("raise") {
            return Err::<(), Error>("on purpose".into());
        }
        Ok(())
    });
    for (path, status, code) in [
        ("/return", 500, 1006),
        ("/raise", 500, 1006),
        ("/accept", 101, 1000),
        ("/accept/raise", 101, 1011),
    ] {
        let socket = client.websocket(path).connect();
        assert_eq!(client.answer(socket).status(), status, "{path}");
        assert_eq!(client.closed(socket).code, code, "{path}");
    }
}

#[test]
fn after_its_own_close_an_app_receives_what_ended_it_w15() {
    let mut client = TestClient::start(accepted(async |mut socket| {
        socket.close(4001, "enough").await?;
        assert_eq!(socket.recv().await, None);
        assert_eq!(socket.closed(), Some(&closed(4001, "enough")));
        assert_eq!(socket.recv().await, None);
        Ok(())
    }));
    let socket = client.websocket("/").connect();
    assert_eq!(
        client.wait_finished(socket).outcome(),
        Some(&Outcome::Returned)
    );
}

#[test]
fn a_receive_that_is_raced_a_hundred_times_loses_nothing_g09() {
    let mut client = TestClient::start(accepted(async |mut socket| {
        for _ in 0..100 {
            let raced = timeout(Duration::from_millis(50), socket.recv()).await;
            assert!(raced.is_err());
        }
        socket.send("ready").await?;
        sleep(Duration::from_secs(1)).await; // it comes while nobody waits
        assert_eq!(socket.recv().await, Some(Message::text("one")));
        assert!(
            timeout(Duration::from_millis(50), socket.recv())
                .await
                .is_err()
        );
        Ok(())
    }));
    let socket = client.websocket("/").connect();
    assert_eq!(client.receive_message(socket).as_text(), Some("ready"));
    client.send_message(socket, "one");
    assert_eq!(
        client.wait_finished(socket).outcome(),
        Some(&Outcome::Returned)
    );
}

#[test]
fn no_credit_before_the_first_receive_and_at_most_the_mark_unread_g20_w28() {
    let mut client = TestClient::start(accepted(async |mut socket| {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(socket.recv().await.map(|it| it.len()), Some(10_000));
        sleep(Duration::from_secs(1)).await;
        for _ in 0..19 {
            assert_eq!(socket.recv().await.map(|it| it.len()), Some(10_000));
        }
        Ok(())
    }));
    let socket = client.websocket("/").connect();
    for _ in 0..20 {
        client.send_message(socket, vec![0; 10_000]);
    }
    assert_eq!(client.credit(socket), 0);
    client.advance(Duration::from_millis(1_500));
    assert!(client.credit(socket) < 10_512);
    assert_eq!(
        client.wait_finished(socket).outcome(),
        Some(&Outcome::Returned)
    );
}

#[test]
fn sends_wait_for_a_slow_client_and_keep_their_order_a11_g22() {
    let sent = Rc::new(RefCell::new(0));
    let count = sent.clone();
    let senders = Rc::new(RefCell::new(Vec::<Sender>::new()));
    let keep = senders.clone();
    let mut client = TestClient::start(accepted(move |mut socket: WebSocket| {
        let (count, keep) = (count.clone(), keep.clone());
        async move {
            assert!(socket.sender().has_room());
            keep.borrow_mut().push(socket.sender());
            socket.recv().await;
            for number in 0..200 {
                socket.send(format!("{number:0>1000}")).await?;
                *count.borrow_mut() += 1;
            }
            socket.close(1000, "done").await?;
            Ok(())
        }
    }));
    let socket = client.websocket("/").connect();
    client.pause(socket);
    client.send_message(socket, "go");
    assert!(!senders.borrow()[0].has_room());
    // 44 messages at 1,512 bytes cross the mark.
    assert_eq!(*sent.borrow(), MARK / 1_512);
    client.resume(socket);
    client.wait_finished(socket);
    let messages = client.messages(socket);
    assert_eq!(messages.len(), 200);
    for (number, message) in messages.iter().enumerate() {
        assert_eq!(message.as_text(), Some(&*format!("{number:0>1000}")));
    }
    assert_eq!(client.closed(socket), closed(1000, "done"));
}

#[test]
fn a_client_that_goes_frees_a_send_that_waits_d01() {
    let mut client = TestClient::start(accepted(async |mut socket| {
        socket.recv().await;
        loop {
            socket.send(vec![0; 100_000]).await?;
        }
    }));
    let socket = client.websocket("/").connect();
    client.pause(socket);
    client.send_message(socket, "go");
    assert_eq!(client.response(socket).outcome(), None);
    client.disconnect(socket);
    // The error that ends the app is no failure (`A-09`).
    assert_eq!(
        client.wait_finished(socket).outcome(),
        Some(&Outcome::Returned)
    );
}

#[test]
fn the_halves_work_in_two_tasks_and_one_may_close_under_the_other() {
    let mut client = TestClient::start(accepted(async |socket| {
        let (sender, mut receiver) = socket.split();
        let other = sender.clone();
        spawn(async move {
            for number in 0..3 {
                sleep(Duration::from_secs(1)).await;
                other.send(format!("tick {number}")).await.unwrap();
            }
            other.close(4002, "from the other task").await.unwrap();
        });
        while let Some(message) = receiver.recv().await {
            sender.send(message).await?;
        }
        assert_eq!(
            receiver.closed(),
            Some(&closed(4002, "from the other task"))
        );
        Ok(())
    }));
    let socket = client.websocket("/").connect();
    client.send_message(socket, "a");
    let heard: Vec<_> = (0..4).map(|_| client.receive_message(socket)).collect();
    assert_eq!(heard.first().and_then(Message::as_text), Some("a"));
    assert_eq!(heard.last().and_then(Message::as_text), Some("tick 2"));
    assert_eq!(client.closed(socket).code, 4002);
    assert_eq!(
        client.wait_finished(socket).outcome(),
        Some(&Outcome::Returned)
    );
}

#[test]
fn sockets_of_one_instance_talk_to_each_other_g01() {
    let room = Rc::new(RefCell::new(Vec::<Sender>::new()));
    let mut client = TestClient::start(accepted(move |mut socket: WebSocket| {
        let room = room.clone();
        async move {
            room.borrow_mut().push(socket.sender());
            while let Some(message) = socket.recv().await {
                let everyone = room.borrow().clone();
                for sender in everyone {
                    let _ = sender.send(message.clone()).await;
                }
            }
            Ok(())
        }
    }));
    let first = client.websocket("/").connect();
    let second = client.websocket("/").connect();
    client.send_message(first, "hello");
    for socket in [first, second] {
        assert_eq!(client.receive_message(socket).as_text(), Some("hello"));
    }
    client.disconnect(second);
    client.send_message(first, "still here?");
    assert_eq!(client.receive_message(first).as_text(), Some("still here?"));
}

#[test]
fn a_sender_that_outlives_the_call_is_disconnected() {
    let kept = Rc::new(RefCell::new(None));
    let keep = kept.clone();
    let mut client = TestClient::start(accepted(move |socket: WebSocket| {
        let keep = keep.clone();
        async move {
            let sender = socket.sender();
            let (told, hear) = (sender.clone(), keep.clone());
            spawn(async move {
                told.disconnected().await;
                *hear.borrow_mut() = Some(told.send("late").await);
            });
            Ok(())
        }
    }));
    let socket = client.websocket("/").connect();
    client.wait_finished(socket);
    client.run();
    assert_eq!(*kept.borrow(), Some(Err(SendError::Disconnected)));
}

#[test]
fn what_is_sent_without_awaiting_is_sent_in_its_place_g22() {
    let mut client = TestClient::start(raw(async |_receive, send| {
        drop(send.accept(None, NO_HEADERS));
        drop(send.message("one"));
        drop(send.message("two"));
        drop(send.close(3001, "three"));
        Ok(())
    }));
    let socket = client.websocket("/").connect();
    assert_eq!(client.closed(socket), closed(3001, "three"));
    let messages = client.messages(socket);
    assert_eq!(messages, [Message::text("one"), Message::text("two")]);
}
