//! WebSockets as an app sees them: the handshake's answer, what is out of turn, and how they end.

mod common;

use std::time::Duration;

use common::{accept, accepted, closed, raw};
use wasgi_sdk::task::sleep;
use wasgi_sdk::testing::{Answer, Builder, Outcome, TestClient};
use wasgi_sdk::{Error, Event, Handshake, Message, Receive, Scope, Send, SendError};

const NO_HEADERS: [(&str, &str); 0] = [];

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
    let (subprotocol, headers) = accept(client.answer(socket));
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
