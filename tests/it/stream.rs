//! Bodies both ways: events, back-pressure, credit (sections 1.4 and 1.5, `G-09`, `G-20`–`G-22`).

use std::time::Duration;

use h2::Reason;
use wasgi_tests::{H2, Serve, block_on, eventually, guests, noise};

use crate::any_guest::bodies::{self, MIB, times};
use crate::any_guest::responses;

/// As `count_body` has it.
fn hash(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

// ---------------------------------------------------------------- receive

/// `Q-01`, `Q-02`, `Q-04`, `G-21`: one event without a body, events of at most 64 KiB with one, and every byte once.
#[test]
pub(crate) fn count_body() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    bodies::every_byte_arrives_once(&server, "/", hash);
}

/// `Q-03`: the coding is gone, with extensions and trailers; chunk boundaries mean nothing.
#[test]
fn chunked_bodies_arrive_without_their_coding() {
    let server = Serve::guest(guests::ECHO).start();
    bodies::chunked_bodies_arrive_without_their_coding(&server, "/");
}

/// The same over HTTP/2.
#[test]
fn http_2_bodies_arrive_whole() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    bodies::http_2_bodies_arrive_whole(&server, "/", hash);
}

/// `Q-05`, `Q-14`, `R-05`: the app sees the beginning before the end is sent, and answers it.
#[test]
pub(crate) fn echo() {
    let server = Serve::guest(guests::ECHO).start();
    bodies::bodies_go_both_ways_at_once(&server, "/");
}

/// `Q-14` over HTTP/2.
#[test]
fn http_2_bodies_go_both_ways_at_once() {
    let server = Serve::guest(guests::ECHO).start();
    block_on(async {
        let mut client = server.h2().await;
        let (response, mut upload) = client.open(H2::request("POST", "/"), false).await;
        upload.send_data("ping".into(), false).unwrap();
        let (_, mut body) = H2::head(response).await.unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap(), "ping");
        upload.send_data("pong".into(), true).unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap(), "pong");
        assert!(body.frame().await.is_none());
    });
}

/// `Q-07`: `100 Continue` goes out when the app first receives, and not before.
#[test]
fn expect_continue_is_answered_when_the_app_receives() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    bodies::expect_continue_is_answered_when_the_app_receives(&server, "/");
}

/// `Q-07`: an app that answers without receiving has its answer sent, no `100 Continue`, and the connection closes.
#[test]
fn expect_continue_without_a_receive_closes() {
    let server = Serve::guest(guests::NEVER_RECEIVE).start();
    bodies::expect_continue_without_a_receive_closes(&server, "/");
}

/// `Q-08`, `Q-12`: a small rest is thrown away and the connection kept; the app gets a disconnect, not the rest.
#[test]
fn a_small_unread_body_is_thrown_away() {
    let server = Serve::guest(guests::NEVER_RECEIVE).start();
    bodies::a_small_unread_body_is_thrown_away(&server, "/", "after the response: Disconnect");
}

/// `Q-08`: a big rest is not read; the connection closes.
#[test]
fn a_big_unread_body_closes_the_connection() {
    let server = Serve::guest(guests::NEVER_RECEIVE)
        .limit("request_body", "100 MiB")
        .start();
    let mut client = server.client();
    client.send(format!(
        "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n",
        64 * MIB
    ));
    client.send(noise(1000));
    let response = client.response();
    assert_eq!(
        (response.text().as_str(), response.whole),
        ("answered without the body", true)
    );
    let chunk = noise(MIB);
    let mut taken = 0;
    while client.write_all(&chunk).is_ok() {
        taken += 1;
        assert!(taken < 32, "the server swallows it all");
    }
    assert!(client.is_closed());
    server.assert_serves();
}

/// `Q-13`: a body that is no HTTP is the client's fault, and a disconnect for the app.
#[test]
fn a_broken_chunk_is_a_400() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    bodies::a_broken_chunk_is_a_400(&server, "/");
}

/// `Q-13`: so is one that ends too early.
#[test]
fn a_truncated_body_is_a_disconnect() {
    let server = Serve::guest(guests::COUNT_BODY).start();
    let mut client = server.client();
    client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhello");
    server.wait_line("the first event has come");
    client.half_close();
    server.wait_line("disconnected after 5 bytes");
    let answer = String::from_utf8_lossy(&client.read_to_end()).into_owned();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    server.assert_serves();
}

/// `Q-09`–`Q-11`: after the body `receive` waits; after the response it yields a disconnect, again and again.
#[test]
pub(crate) fn receive_after_the_body() {
    let server = Serve::guest(guests::RECEIVE_AFTER_THE_BODY).start();
    bodies::receive_after_the_body(&server, ("/", "Err(Elapsed)"), "/wait", "Disconnect");
}

/// `G-09`: `receive` is raced against a timer and dropped a hundred times and more; nothing is lost, nothing doubled.
#[test]
pub(crate) fn race_receive_with_a_timer() {
    let server = Serve::guest(guests::RACE_RECEIVE_WITH_A_TIMER).start();
    bodies::receive_races_a_timer(&server, "/", "");
}

/// `Q-06`, `G-20`: the body of a sleeping app is not read. What is taken is what sockets hold.
#[test]
pub(crate) fn never_receive() {
    let server = Serve::guest(guests::NEVER_RECEIVE)
        .limit("request_body", "100 MiB")
        .start();
    bodies::the_body_of_a_sleeping_app_is_not_read(&server, "/sleep");
}

/// `Q-06` over HTTP/2: the stream's window closes, and the others go on.
#[test]
fn http_2_uploads_to_a_sleeping_app_stall_alone() {
    let server = Serve::guest(guests::NEVER_RECEIVE).start();
    block_on(async {
        let mut client = server.h2().await;
        let mut sleeping = Vec::new();
        for _ in 0..4 {
            let (response, mut upload) = client.open(H2::request("POST", "/sleep"), false).await;
            upload.reserve_capacity(MIB);
            let mut taken = 0;
            while let Ok(Some(granted)) = tokio::time::timeout(
                Duration::from_millis(300),
                std::future::poll_fn(|cx| upload.poll_capacity(cx)),
            )
            .await
            {
                let granted = granted.unwrap();
                taken += granted;
                upload.send_data(vec![b'x'; granted].into(), false).unwrap();
            }
            assert!(taken <= 256 * 1024, "{taken} bytes were taken");
            sleeping.push((response, upload));
        }
        assert_eq!(client.get("/ok").await.text(), "ok");
        for (_, upload) in &mut sleeping {
            upload.send_reset(Reason::CANCEL);
        }
        assert_eq!(client.get("/ok").await.text(), "ok");
    });
    eventually("four clients are gone", || {
        times(&server, "the client is gone") == 4
    });
}

// ---------------------------------------------------------------- send

/// `R-04`: a head without a body is held for a moment, and then goes out.
#[test]
fn a_head_without_a_body_goes_out() {
    let server = Serve::guest(guests::HANG).start();
    responses::a_head_without_a_body_goes_out(&server, "/start");
    block_on(async {
        let mut client = server.h2().await;
        let (response, _) = client.open(H2::request("GET", "/start"), true).await;
        assert_eq!(H2::head(response).await.unwrap().0.status, 200);
    });
}

/// `R-05`: what has been sent goes out although the app does nothing more.
#[test]
fn a_body_event_goes_out_at_once() {
    let server = Serve::guest(guests::HANG).start();
    responses::a_body_event_goes_out_at_once(&server, "/mid");
}

/// `R-09`, `G-20`: an app whose client reads nothing is stopped within what sockets hold, goes on when the client
/// reads, and no byte is lost.
#[test]
pub(crate) fn flood_a_slow_reader() {
    let server = Serve::guest(guests::FLOOD_A_SLOW_READER).start();
    responses::a_slow_reader_stops_the_app(&server);
}

/// `R-09` over HTTP/2: a stream that is not read stops alone, at its own window.
#[test]
fn a_slow_stream_stops_alone() {
    let server = Serve::guest(guests::FLOOD_A_SLOW_READER).start();
    block_on(async {
        let mut client = server.h2().await;
        let (response, _) = client.open(H2::request("GET", "/flood"), true).await;
        let (_, mut body) = H2::head(response).await.unwrap();
        let mut before = usize::MAX;
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = client.get("/sent").await.text().parse::<usize>().unwrap();
            if now == before {
                break;
            }
            before = now;
        }
        assert!(before < MIB, "{before} bytes were taken");
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame.unwrap().len();
        }
        assert_eq!(length, 400 * 65_536);
    });
}

/// `G-21`, `G-22`: what is sent without being awaited keeps its place, and one `send` may be larger than any buffer.
#[test]
pub(crate) fn send_without_awaiting() {
    let server = Serve::guest(guests::SEND_WITHOUT_AWAITING).start();
    responses::sends_keep_their_places(&server, "/");
}
