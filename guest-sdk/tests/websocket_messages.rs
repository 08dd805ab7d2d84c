//! Messages of a WebSocket as an app sees them: both ways, with credit, in several tasks, in any order.

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use common::{accepted, closed, raw};
use wasgi_sdk::task::{sleep, spawn, timeout};
use wasgi_sdk::testing::{Outcome, TestClient};
use wasgi_sdk::{Error, Message, SendError, Sender, WebSocket};

const MARK: usize = 65_536;

const NO_HEADERS: [(&str, &str); 0] = [];

async fn echo(mut socket: WebSocket) -> Result<(), Error> {
    while let Some(message) = socket.recv().await {
        socket.send(message).await?;
    }
    Ok(())
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

/// Small and deterministic: one multiplication a throw.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// `G-09`, `G-20`, `G-22`: whatever client and app do in whatever order, every message comes back once, whole and in order.
/// The client of the test checks credit and bounds with every event and every action.
#[test]
fn echoes_in_any_order_lose_nothing() {
    for seed in 0..60 {
        let mut dice = Dice(seed);
        let mut client = TestClient::start(accepted(move |mut socket: WebSocket| async move {
            let mut dice = Dice(seed + 1_000);
            loop {
                let patience = Duration::from_millis(dice.below(20));
                match timeout(patience, socket.recv()).await {
                    Ok(Some(message)) if dice.below(2) == 0 => socket.send(message).await?,
                    Ok(Some(message)) => drop(socket.send(message)),
                    Ok(None) => return Ok(()),
                    Err(_) => sleep(Duration::from_millis(dice.below(50))).await,
                }
            }
        }));
        let socket = client.websocket("/").connect();
        let mut sent = Vec::new();
        let mut came = Vec::new();
        for number in 0..200 {
            match dice.below(8) {
                0 => client.pause(socket),
                1 => client.resume(socket),
                2 => client.advance(Duration::from_millis(dice.below(100))),
                3 => came.extend(client.messages(socket)),
                kind => {
                    let length = match dice.below(10) {
                        0 => 200_000,
                        1..3 => 20_000,
                        _ => 20,
                    };
                    let text = format!("{number} {}", "x".repeat(length));
                    let message = match kind % 2 {
                        0 => Message::from(text),
                        _ => Message::from(text.into_bytes()),
                    };
                    sent.push(message.clone());
                    client.send_message(socket, message);
                }
            }
        }
        client.resume(socket);
        while came.len() < sent.len() {
            came.push(client.receive_message(socket));
        }
        client.close(socket, 1000, "");
        client.wait_finished(socket);
        came.extend(client.messages(socket));
        assert!(came == sent, "seed {seed}");
    }
}
