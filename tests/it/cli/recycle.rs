//! SIGHUP: new instances take the place of those that serve, and nobody notices (`G-14`).

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use rustix::process::Signal;
use wasgi_tests::{Client, Folder, Program, eventually, guests, pause, wasgi};

use super::Process;

const DONE: &str = "SIGHUP: new instances serve, after ";

fn count(program: &Program, text: &str) -> usize {
    let lines = program.stderr();
    lines.iter().filter(|line| line.contains(text)).count()
}

/// Clients on kept and on fresh connections, and a long call across each of the signals: all are answered.
#[test]
fn no_request_is_lost_when_instances_are_recycled() {
    let arguments = ["--workers", "2", "--no-access-log"];
    let mut program = Program::serve(guests::LOG_THE_LIFESPAN.path(), &arguments);
    let address = program.address();
    let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let hammer = |keep: bool| {
            let (done, asked) = (&done, &asked);
            move || {
                let mut client = Client::tcp(address);
                while !done.load(SeqCst) {
                    let response = client.get("/ok");
                    assert_eq!((response.status, &*response.text()), (200, "ok"));
                    asked.fetch_add(1, SeqCst);
                    if !keep {
                        client = Client::tcp(address);
                    }
                }
            }
        };
        let clients = [
            scope.spawn(hammer(true)),
            scope.spawn(hammer(true)),
            scope.spawn(hammer(false)),
        ];
        for round in 1..=5 {
            let mut long = Client::tcp(address);
            long.request("/slow");
            eventually("the long call has begun", || {
                count(&program, "the slow call has begun") == round
            });
            program.hang_up();
            eventually("new instances serve", || count(&program, DONE) == round);
            let before = asked.load(SeqCst);
            let response = long.response();
            assert_eq!(
                (response.status, &*response.text()),
                (200, "slow but whole")
            );
            eventually("the clients go on", || {
                asked.load(SeqCst) > before + 20 || clients.iter().any(|it| it.is_finished())
            });
        }
        done.store(true, SeqCst);
    });
    eventually("the old ones have had their shutdown", || {
        count(&program, "goodbye") == 10
    });
    assert!(program.is_running());
    program.terminate();
    assert_eq!(program.wait().code(), Some(0));
}

/// Signals that come while instances start are one more renewal, and not one each.
#[test]
fn many_hang_ups_in_a_row_are_no_storm() {
    let mut program = Program::serve(guests::LOG_THE_LIFESPAN.path(), &[]);
    let mut kept = program.client();
    for _ in 0..30 {
        program.hang_up();
        kept.assert_kept();
    }
    eventually("new instances serve", || count(&program, DONE) >= 1);
    assert!(count(&program, DONE) <= 30);
    kept.assert_kept();
    program.terminate();
    assert_eq!(program.wait().code(), Some(0));
}

/// `L-05`: when the new ones do not start, the old go on, and the next signal is another try.
#[test]
fn instances_that_do_not_start_take_nobodys_place() {
    let folder = Folder::new("recycle");
    let data = folder.path("data");
    let arguments = ["--data-dir", data.to_str().unwrap()];
    let mut program = Program::serve(guests::FAIL_STARTUP_WHEN_TOLD.path(), &arguments);
    let mut kept = program.client();
    let broken = folder.write("data/broken", "");
    program.hang_up();
    let line = program.wait_line("SIGHUP: the instances before it go on serving");
    assert!(
        line.contains("ERROR") && line.contains("told to fail"),
        "{line}"
    );
    kept.assert_kept();
    assert_eq!(count(&program, DONE), 0);

    std::fs::remove_file(broken).unwrap();
    program.hang_up();
    program.wait_line(DONE);
    kept.assert_kept();
    program.terminate();
    assert_eq!(program.wait().code(), Some(0));
}

/// Nothing is there yet that could be recycled, and nothing dies of it.
#[test]
fn a_hang_up_while_the_app_starts_changes_nothing() {
    let folder = Folder::new("recycle");
    let mut command = wasgi();
    command.arg("serve").arg(guests::HANG_IN_STARTUP.path());
    command.arg("--uds").arg(folder.path("s"));
    let process = Process::start(&mut command);
    process.wait_said("starting for ever");
    for _ in 0..3 {
        process.signal(Signal::HUP);
        pause(Duration::from_millis(50));
    }
    process.signal(Signal::TERM);
    let finished = process.finished();
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

/// A hang-up is no reason to stop sooner, or at all.
#[test]
fn a_hang_up_while_draining_changes_nothing() {
    let arguments = ["--timeout-graceful-shutdown", "86400"];
    let mut program = Program::serve(guests::HANG.path(), &arguments);
    let mut client = program.client();
    client.request("/");
    program.wait_line("hanging at / ");
    program.terminate();
    program.wait_line("stopping: ");
    for _ in 0..3 {
        program.hang_up();
        assert!(client.is_silent_for(Duration::from_millis(50)));
    }
    assert!(program.is_running());
    assert_eq!(count(&program, "SIGHUP"), 0);
    program.terminate();
    assert_eq!(client.response().status, 503);
    assert_eq!(program.wait().code(), Some(0));
}
