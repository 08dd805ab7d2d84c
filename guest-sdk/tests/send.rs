//! `send` as an app sees it: order, checks, lengths, credit, and what the exits of an app become.

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use wasgi_sdk::task::{sleep, spawn, timeout};
use wasgi_sdk::testing::{Builder, Outcome, Response, TestClient};
use wasgi_sdk::{Error, Receive, Send, SendError};

use common::http;

const PLAIN: [(&str, &str); 1] = [("content-type", "text/plain")];

fn get<F, Fut>(handler: F) -> Response
where
    F: Fn(Receive, Send) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<(), Error>> + 'static,
{
    send("GET", handler)
}

fn send<F, Fut>(method: &str, handler: F) -> Response
where
    F: Fn(Receive, Send) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<(), Error>> + 'static,
{
    let mut client = TestClient::start(http(handler));
    let call = client.request(method, "/").start();
    client.wait_finished(call)
}

fn is_state(result: Result<(), SendError>) -> bool {
    matches!(result, Err(SendError::InvalidState(_)))
}

// -------------------------------------------------------------------- order

#[test]
fn start_and_whole_body_go_as_one() {
    let response = get(async |_, send| {
        send.start(200, PLAIN).await?;
        Ok(send.body("hello", false).await?)
    });
    assert!(response.came_in_one());
    assert_eq!(
        (response.status(), response.text().as_str()),
        (200, "hello")
    );
}

#[test]
fn a_lone_start_goes_out_at_the_end_of_the_turn_r04() {
    let mut client = TestClient::start(http(async |_, send| {
        send.start(200, PLAIN).await?;
        sleep(Duration::from_secs(1)).await;
        Ok(send.body("late", false).await?)
    }));
    let call = client.get("/").start();
    assert!(client.response(call).has_started());
    let response = client.wait(call);
    assert!(!response.came_in_one());
    assert_eq!(response.text(), "late");
}

#[test]
fn a_second_start_and_a_body_before_the_start_raise_r07() {
    let response = get(async |_, send| {
        assert!(is_state(send.body("x", false).await));
        send.start(200, PLAIN).await?;
        assert!(is_state(send.start(200, PLAIN).await));
        assert!(is_state(send.respond(200, PLAIN, "x").await));
        Ok(send.body("fine", false).await?) // nothing above has changed anything (`A-06`)
    });
    assert_eq!(response.text(), "fine");
}

#[test]
fn after_completion_everything_is_ignored_r06() {
    let response = get(async |_, send| {
        send.respond(200, PLAIN, "done").await?;
        send.start(500, PLAIN).await?;
        send.body("more", true).await?;
        Ok(send.respond(999, PLAIN, "x").await?)
    });
    assert_eq!((response.status(), response.text().as_str()), (200, "done"));
    assert_eq!(response.outcome(), Some(&Outcome::Returned));
}

#[test]
fn what_is_not_awaited_keeps_its_place_g22() {
    let response = get(async |_, send| {
        drop(send.start(200, PLAIN));
        let second = send.body("b", true);
        drop(send.body("c", true));
        second.await?;
        Ok(send.body("d", false).await?)
    });
    assert_eq!(response.text(), "bcd");
}

#[test]
fn empty_bodies_with_more_are_legal_r08() {
    let response = get(async |_, send| {
        send.start(200, PLAIN).await?;
        send.body("", true).await?;
        send.body("x", true).await?;
        Ok(send.body("", false).await?)
    });
    assert_eq!(response.text(), "x");
    assert!(response.is_complete());
}

// -------------------------------------------------------------------- values

#[test]
fn bad_values_raise_and_change_nothing_a06_r10_f08() {
    let response = get(async |_, send| {
        for status in [0, 100, 101, 103, 199, 1000] {
            assert!(
                matches!(
                    send.start(status, PLAIN).await,
                    Err(SendError::InvalidEvent(_))
                ),
                "{status}"
            );
        }
        for header in [
            ("a b", "x"),
            (":status", "x"),
            ("a", "x\r\nset-cookie: y"),
            ("", "x"),
        ] {
            assert!(matches!(
                send.start(200, [header]).await,
                Err(SendError::InvalidEvent(_))
            ));
        }
        let long = "x".repeat(70_000);
        assert!(matches!(
            send.start(200, [("a", long)]).await,
            Err(SendError::LimitExceeded(_))
        ));
        Ok(send.respond(999, PLAIN, "fine").await?)
    });
    assert_eq!(response.status(), 999);
}

#[test]
fn names_are_lowered_and_doubles_stay_f02_f03() {
    let response = get(async |_, send| {
        let headers = [("Set-Cookie", "a"), ("X-Y", "b"), ("set-cookie", "c")];
        Ok(send.respond(200, headers, "").await?)
    });
    let names: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, _)| name.to_vec())
        .collect();
    assert_eq!(
        names,
        [
            b"set-cookie".to_vec(),
            b"x-y".to_vec(),
            b"set-cookie".to_vec()
        ]
    );
}

#[test]
fn extensions_that_were_not_offered_raise_a14() {
    let response = get(async |_, send| {
        let unsupported = |result| matches!(result, Err(SendError::Unsupported(_)));
        assert!(unsupported(send.early_hint(["</a>"]).await));
        assert!(unsupported(send.start_with_trailers(200, PLAIN).await));
        send.start(200, PLAIN).await?;
        assert!(unsupported(send.pathsend("/a").await));
        assert!(unsupported(send.trailers(PLAIN, false).await));
        Ok(send.body("fine", false).await?)
    });
    assert_eq!(response.text(), "fine");
}

#[test]
fn offered_extensions_work_e02_e04_e06() {
    let mut client = Builder::new()
        .offer_trailers()
        .offer_early_hint()
        .offer_pathsend()
        .start(http(async |_, send| {
            send.early_hint(["</style.css>; rel=preload"]).await?;
            send.start_with_trailers(200, [("trailer", "x-sum")])
                .await?;
            assert!(is_state(send.trailers([("x-sum", "1")], false).await));
            assert!(is_state(send.pathsend("/file").await));
            send.body("data", false).await?;
            Ok(send.trailers([("X-Sum", "4")], false).await?)
        }));
    let response = client.get("/").send();
    assert_eq!(response.early_hints().len(), 1);
    assert_eq!(
        response
            .trailers()
            .and_then(|trailers| trailers.get_str("x-sum")),
        Some("4")
    );

    let mut client = Builder::new().offer_pathsend().start(http(async |_, send| {
        send.start(200, PLAIN).await?;
        assert!(matches!(
            send.pathsend("relative").await,
            Err(SendError::InvalidEvent(_))
        ));
        Ok(send.pathsend("/static/page.html").await?)
    }));
    assert_eq!(client.get("/").send().pathsend(), Some("/static/page.html"));
}

#[test]
fn lifespan_events_do_not_belong_in_a_request() {
    let response = get(async |_, send| {
        assert!(is_state(send.startup_complete().await));
        assert!(is_state(send.shutdown_failed("x").await));
        Ok(send.respond(200, PLAIN, "fine").await?)
    });
    assert_eq!(response.text(), "fine");
}

// -------------------------------------------------------------------- lengths

#[test]
fn more_body_than_announced_raises_m02() {
    let response = get(async |_, send| {
        send.start(200, [("content-length", "5")]).await?;
        send.body("123", true).await?;
        let error = send.body("456", false).await;
        assert_eq!(
            error,
            Err(SendError::ContentLengthMismatch {
                announced: 5,
                got: 6
            })
        );
        Ok(send.body("45", false).await?)
    });
    assert_eq!(response.text(), "12345");
}

#[test]
fn less_body_than_announced_raises_m03() {
    let response = get(async |_, send| {
        let error = send.respond(200, [("content-length", "5")], "123").await;
        assert_eq!(
            error,
            Err(SendError::ContentLengthMismatch {
                announced: 5,
                got: 3
            })
        );
        send.start(200, [("content-length", "5")]).await?;
        send.body("123", false).await?;
        Ok(())
    });
    // The escaped error is the app's failure. Nothing of the body went out.
    assert!(
        matches!(response.outcome(), Some(Outcome::Raised(text)) if text.contains("less body"))
    );
    assert_eq!(response.status(), 500);
}

#[test]
fn head_has_the_headers_of_get_and_no_body_m04() {
    let response = send("HEAD", async |_, send| {
        Ok(send.respond(200, [("content-length", "1000")], "").await?)
    });
    assert_eq!(response.header("content-length"), Some("1000"));
    let response = send("HEAD", async |_, send| {
        send.start(200, [("content-length", "3")]).await?;
        send.body("1234567890", true).await?;
        Ok(send.body("", false).await?)
    });
    assert!(response.is_complete() && response.body().is_empty());
}

#[test]
fn no_content_and_not_modified_have_no_body_m05() {
    for status in [204, 304] {
        let response = get(move |_, send| async move {
            send.start(status, [("content-length", "10")]).await?;
            Ok(send.body("ignored", false).await?)
        });
        assert!(
            response.is_complete() && response.body().is_empty(),
            "{status}"
        );
        let response =
            get(move |_, send| async move { Ok(send.respond(status, PLAIN, "ignored").await?) });
        assert!(response.body().is_empty(), "{status}");
    }
}

// -------------------------------------------------------------------- credit

#[test]
fn a_send_waits_until_the_client_reads_a11_g20() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let seen = log.clone();
    let mut client = TestClient::start(http(move |_receive: Receive, send: Send| {
        let log = log.clone();
        async move {
            sleep(Duration::from_millis(1)).await;
            send.start(200, PLAIN).await?;
            for number in 0..4 {
                send.body(vec![b'x'; 40_000], true).await?;
                log.borrow_mut().push(number);
            }
            Ok(send.body("", false).await?)
        }
    }));
    let call = client.get("/").start();
    client.pause(call);
    client.advance(Duration::from_secs(1));
    assert_eq!(*seen.borrow(), [0]); // 80,000 bytes are over the mark
    client.resume(call);
    let response = client.wait(call);
    assert_eq!(response.body().len(), 160_000);
}

#[test]
fn large_sends_are_cut_and_wait_in_between_g21() {
    let response = get(async |_, send| {
        send.start(200, PLAIN).await?;
        Ok(send.body(vec![b'x'; 1_000_000], false).await?)
    });
    assert_eq!(response.body().len(), 1_000_000);
    assert!(response.chunks().iter().all(|chunk| chunk.len() <= 262_144));

    let response = get(async |_, send| Ok(send.respond(200, PLAIN, vec![b'x'; 300_000]).await?));
    assert_eq!(response.body().len(), 300_000);
    assert_eq!(response.chunks().len(), 2);
}

#[test]
fn bytes_that_wait_go_out_though_nobody_awaits_and_before_the_end_g22() {
    let mut client = TestClient::start(http(async |_, send| {
        sleep(Duration::from_millis(1)).await;
        send.start(200, PLAIN).await?;
        drop(send.body(vec![b'x'; 600_000], true));
        drop(send.body("end", false));
        Ok(())
    }));
    let call = client.get("/").start();
    client.pause(call);
    client.advance(Duration::from_secs(1));
    assert_eq!(client.response(call).outcome(), None);
    client.resume(call);
    let response = client.wait_finished(call);
    assert_eq!(response.body().len(), 600_003);
    assert_eq!(response.outcome(), Some(&Outcome::Returned));
}

#[test]
fn a_blocked_send_fails_when_the_client_leaves_d01() {
    let mut client = TestClient::start(http(async |_, send| {
        sleep(Duration::from_millis(1)).await;
        send.start(200, PLAIN).await?;
        loop {
            send.body(vec![b'x'; 100_000], true).await?; // ends with `Disconnected`
        }
    }));
    let call = client.get("/").start();
    client.pause(call);
    client.advance(Duration::from_secs(1));
    assert_eq!(client.response(call).outcome(), None);
    client.disconnect(call);
    assert_eq!(client.response(call).outcome(), Some(&Outcome::Returned)); // `A-09`, `D-02`
}

#[test]
fn disconnected_can_be_raced() {
    let mut client = TestClient::start(http(async |_, send| {
        let gone = timeout(Duration::from_secs(3_600), send.disconnected()).await;
        assert!(gone.is_ok());
        Ok(())
    }));
    let call = client.get("/").start();
    client.disconnect(call);
    assert_eq!(client.response(call).outcome(), Some(&Outcome::Returned));
}

#[test]
fn disconnected_is_ready_once_the_last_bytes_of_an_app_that_has_ended_are_out() {
    let seen = Rc::new(RefCell::new(false));
    let tell = seen.clone();
    let mut client = TestClient::start(http(move |_, send| {
        let tell = tell.clone();
        async move {
            let watch = send.clone();
            spawn(async move {
                watch.disconnected().await;
                *tell.borrow_mut() = true;
            });
            sleep(Duration::from_millis(1)).await;
            drop(send.respond(200, PLAIN, vec![b'x'; 600_000]));
            Ok(())
        }
    }));
    let call = client.get("/").start();
    client.pause(call);
    client.advance(Duration::from_secs(1));
    assert!(!*seen.borrow());
    client.resume(call);
    client.wait_finished(call);
    assert!(*seen.borrow());
}

// -------------------------------------------------------------------- exits

#[test]
fn exits_x01_to_x07() {
    type Steps = (bool, usize, bool, bool); // start, pieces, complete, raise
    let exit = |(start, pieces, complete, raise): Steps| {
        get(move |_, send| async move {
            if start {
                send.start(200, PLAIN).await?;
                sleep(Duration::from_millis(1)).await;
            }
            for _ in 0..pieces {
                send.body("piece", true).await?;
            }
            if complete {
                send.body("", false).await?;
            }
            if raise { Err("oops".into()) } else { Ok(()) }
        })
    };
    let raised = Some(Outcome::Raised("oops".to_owned()));
    let returned = Some(Outcome::Returned);
    for (id, steps, outcome, status, complete) in [
        ("X-01", (false, 0, false, true), &raised, 500, false),
        ("X-02", (true, 0, false, true), &raised, 500, false),
        ("X-03", (true, 1, false, true), &raised, 200, false),
        ("X-04", (true, 1, true, true), &raised, 200, true),
        ("X-05", (false, 0, false, false), &returned, 500, false),
        ("X-06", (true, 0, false, false), &returned, 500, false),
        ("X-07", (true, 1, false, false), &returned, 200, false),
    ] {
        let response = exit(steps);
        assert_eq!(response.outcome().cloned(), *outcome, "{id}");
        assert_eq!(response.status(), status, "{id}");
        assert_eq!(response.is_complete(), complete, "{id}");
        assert_eq!(response.is_truncated(), status == 200 && !complete, "{id}");
    }
}

#[test]
fn causes_stand_in_the_text_for_the_log_a10() {
    #[derive(Debug)]
    struct Outer(std::io::Error);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("could not load")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }
    let response = get(async |_, _| Err(Outer(std::io::Error::other("disk full")).into()));
    assert_eq!(
        response.outcome(),
        Some(&Outcome::Raised("could not load: disk full".to_owned()))
    );
}

#[test]
fn work_after_the_response_goes_on_g11() {
    let mut client = TestClient::start(http(async |_, send| {
        send.respond(200, PLAIN, "first").await?;
        sleep(Duration::from_secs(5)).await;
        Ok(())
    }));
    let call = client.get("/").start();
    let response = client.wait(call);
    assert!(response.is_complete() && response.outcome().is_none());
    assert_eq!(
        client.wait_finished(call).outcome(),
        Some(&Outcome::Returned)
    );
}
