//! An app that crashes in a loop (`G-04`): it starts no faster for having more places, its clients are answered, and nobody else feels it.

use std::time::{Duration, Instant};

use tracing::Level;
use wasgi_tests::{Folder, Response, Running, Serve, eventually, guests};

use super::count;

const ENDED: &str = "the instance ended; ";

/// The most starts that an app has that crashes for so long: waits of 50, 100, 200 ms … each at least three quarters as long.
fn starts_in(time: Duration) -> usize {
    let (mut at, mut wait, mut starts) = (Duration::ZERO, Duration::from_millis(50), 0);
    while at < time {
        at += wait.mul_f64(0.75);
        wait = (2 * wait).min(Duration::from_secs(10));
        starts += 1;
    }
    starts
}

/// In seconds.
#[track_caller]
fn retry_after(response: &Response) -> u64 {
    let header = response.header("retry-after");
    header.expect("retry-after").parse().expect("seconds")
}

/// It traps on each request, on eight places and two threads; clients ask without a pause.
#[test]
fn many_places_crash_no_faster_than_one() {
    let quiet = Serve::guest(guests::MEET).start();
    let server = Serve::guest(guests::TRAP)
        .instances(8)
        .threads(2)
        .limit("queued", "200 ms")
        .start();
    let began = Instant::now();
    let mut unavailable = 0;
    while began.elapsed() < Duration::from_secs(3) {
        let response = server.get("/before");
        match response.status {
            // It was the call's own doing, or that of a sibling.
            500 | 502 => {}
            503 => {
                assert!(retry_after(&response) >= 1);
                unavailable += 1;
            }
            other => panic!("{other}: {response:?}"),
        }
        quiet.assert_serves();
    }
    let (ended, possible) = (count(&server, ENDED), 8 + starts_in(began.elapsed()));
    assert!((8..=possible).contains(&ended), "{ended} of {possible}");
    assert!(unavailable > 0, "in between nobody is there");
    let log = quiet.log();
    let bad: Vec<_> = log
        .iter()
        .filter(|line| line.level <= Level::WARN)
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
}

/// An app that starts when it is deployed, and later only while there is no file `broken` in the folder.
fn moody(lines: &str) -> (Running, Folder) {
    let folder = Folder::new("crashes");
    let data = folder.path("data");
    std::fs::create_dir(&data).unwrap();
    let server = Serve::guest(guests::FAIL_STARTUP_WHEN_TOLD)
        .instance_lines(lines)
        .data(&data)
        .threads(2)
        .limit("queued", "200 ms")
        .start();
    (server, folder)
}

/// It does not start any more, although it did when it was deployed; those who ask meanwhile start it no faster, and learn when to
/// come again. When it can, it serves again.
#[test]
fn an_app_that_does_not_start_again_is_tried_with_patience() {
    for (lines, sleeps) in [
        (
            "min_instances = 0\nmax_instances = 8\nidle = \"1 ms\"\n",
            true,
        ),
        (
            "reuse = \"serial\"\nmin_instances = 0\nidle = \"1 ms\"\n",
            true,
        ),
        ("reuse = \"isolated\"\nmin_instances = 0\n", false),
    ] {
        let (server, folder) = moody(lines);
        server.assert_serves();
        if sleeps {
            server.wait_line("it was idle");
        }
        let broken = folder.write("data/broken", "");
        let began = Instant::now();
        eventually("a client learns when to come again", || {
            let response = server.get("/ok");
            assert_eq!(response.status, 503);
            retry_after(&response) > 1
        });
        let (failed, possible) = (count(&server, "told to fail"), starts_in(began.elapsed()));
        assert!((4..=possible).contains(&failed), "{failed} of {possible}");
        std::fs::remove_file(broken).unwrap();
        eventually("it serves again", || server.get("/ok").status == 200);
    }
}

/// Those that have had their time go on until their successors start.
#[test]
fn instances_whose_successors_do_not_start_serve_on() {
    let (server, folder) =
        moody("min_instances = 3\nmax_instances = 3\nmax_instance_age = \"300 ms\"\n");
    let broken = folder.write("data/broken", "");
    let began = Instant::now();
    eventually("successors do not start", || {
        server.assert_serves();
        count(&server, "told to fail") >= 4
    });
    let (failed, possible) = (count(&server, "told to fail"), starts_in(began.elapsed()));
    assert!(failed <= possible, "{failed} of {possible}");
    let before = count(&server, "has been replaced");
    std::fs::remove_file(broken).unwrap();
    eventually("now they are replaced", || {
        server.assert_serves();
        count(&server, "has been replaced") > before
    });
}
