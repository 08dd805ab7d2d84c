//! An app that crashes in a loop (`G-04`): it starts no faster for having more places, its clients are answered, and nobody else feels it.

use std::time::{Duration, Instant};

use tracing::Level;
use wasgi_tests::{Folder, Serve, eventually, guests};

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
                assert_eq!(response.header("retry-after"), Some("1"));
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

/// It does not start any more, although it did when it was deployed; those who ask meanwhile start it no faster. When it can, it
/// serves again.
#[test]
fn an_app_that_does_not_start_again_is_tried_with_patience() {
    for lines in [
        "min_instances = 3\nmax_instances = 3\n",
        "min_instances = 0\nmax_instances = 8\nidle = \"1 ms\"\n",
        "reuse = \"serial\"\nmin_instances = 0\nidle = \"1 ms\"\n",
        "reuse = \"isolated\"\nmin_instances = 0\nidle = \"1 ms\"\n",
    ] {
        let folder = Folder::new("crashes");
        let data = folder.path("data");
        std::fs::create_dir(&data).unwrap();
        let server = Serve::guest(guests::FAIL_STARTUP_WHEN_TOLD)
            .instance_lines(lines)
            .instance_lines("max_instance_age = \"500 ms\"\n")
            .data(&data)
            .threads(2)
            .limit("queued", "200 ms")
            .start();
        server.assert_serves();
        let broken = folder.write("data/broken", "");
        let began = Instant::now();
        eventually("it does not start again", || {
            let _ = server.get("/ok");
            count(&server, "told to fail") >= 4
        });
        let failed = count(&server, "told to fail");
        assert!(failed <= starts_in(began.elapsed()), "{failed}");
        std::fs::remove_file(broken).unwrap();
        eventually("it serves again", || server.get("/ok").status == 200);
    }
}
