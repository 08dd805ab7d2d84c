//! Clients that break off anywhere, for a while: nothing of them stays in the program, which serves on and stops as it should.
//!
//! The real program, so that descriptors, threads and memory are its own. A call that stays in flight would hold up its
//! end until the drain deadline, which is longer than the test's patience. `WASGI_SOAK_SECONDS` makes each soak longer.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::Reason;
use socket2::SockRef;
use wasgi_tests::{Dice, Folder, H2, Program, block_on, eventually, guests, resident_bytes};

/// Clients at the same time, and the calls that an instance takes: few, so that each that leaks is missed soon.
const CLIENTS: u64 = 4;
const CALLS_MAX: usize = 40;

/// What resident memory may differ by, with as many clients as before: allocators keep what they had.
const SLACK_BYTES: u64 = 16 * 1024 * 1024;

/// Targets whose app does nothing until its client has gone.
const WAITING: &[&str] = &["/start", "/hang"];

fn soak_time() -> Duration {
    let said = std::env::var("WASGI_SOAK_SECONDS").ok();
    Duration::from_secs(said.map_or(4, |text| text.parse().expect("seconds")))
}

/// A request for one of these targets; or up to three, one behind the other, to an app that answers each: behind a call that
/// waits nobody reads what else the client has sent, nor that it has gone.
fn requests(dice: &mut Dice, targets: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let waits = targets.iter().any(|target| WAITING.contains(target));
    for _ in 0..=(if waits { 0 } else { dice.below(3) }) {
        let target = dice.of(targets);
        let body = vec![b'x'; [0, 10, 3000, 200_000][dice.below(4)]];
        let length = body.len();
        match dice.below(3) {
            0 => write!(bytes, "GET {target} HTTP/1.1\r\nhost: h\r\n\r\n").unwrap(),
            1 => {
                write!(
                    bytes,
                    "POST {target} HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n"
                )
                .unwrap();
                bytes.extend(body);
            }
            _ => {
                write!(
                    bytes,
                    "POST {target} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
                )
                .unwrap();
                for chunk in body.chunks(2000) {
                    write!(bytes, "{:x}\r\n", chunk.len()).unwrap();
                    bytes.extend(chunk);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(b"0\r\n\r\n");
            }
        }
    }
    bytes
}

/// A client of HTTP/1 that breaks off.
fn leave_h1(program: &Program, dice: &mut Dice, targets: &[&str]) {
    let mut socket = TcpStream::connect(program.address()).expect("a connection");
    let soon = Some(Duration::from_millis(20));
    socket.set_read_timeout(soon).unwrap();
    socket.set_write_timeout(soon).unwrap();
    let bytes = requests(dice, targets);
    let cut = match dice.below(4) {
        0 => bytes.len(),
        // Often within the first head.
        1 => dice.below(60).min(bytes.len()),
        _ => dice.below(bytes.len() + 1),
    };
    let _ = socket.write_all(&bytes[..cut]);
    let mut read = vec![0; [1, 100, 10_000][dice.below(3)]];
    for _ in 0..dice.below(3) {
        let _ = socket.read(&mut read);
    }
    match dice.below(4) {
        0 => SockRef::from(&socket)
            .set_linger(Some(Duration::ZERO))
            .unwrap(),
        1 => {
            let _ = socket.shutdown(Shutdown::Write);
            let _ = socket.read(&mut read);
        }
        _ => {}
    }
}

/// A client of HTTP/2 whose streams break off, and then its connection.
async fn leave_h2(program: &Program, dice: &mut Dice, targets: &[&str]) {
    let mut client = program_h2(program).await;
    let mut kept = Vec::new();
    for _ in 0..=dice.below(5) {
        let upload = dice.below(2) == 0;
        let method = if upload { "POST" } else { "GET" };
        let request = H2::request(method, dice.of(targets));
        let (response, mut stream) = client.open(request, !upload).await;
        if upload {
            let part = Bytes::from(vec![b'x'; dice.below(50_000)]);
            let _ = stream.send_data(part, dice.below(2) == 0);
        }
        if dice.below(2) == 0 {
            let soon = Duration::from_millis(10);
            if let Ok(Ok((_, mut body))) = tokio::time::timeout(soon, H2::head(response)).await {
                let _ = tokio::time::timeout(soon, body.frame()).await;
            }
        }
        match dice.below(3) {
            0 => stream.send_reset(Reason::CANCEL),
            1 => kept.push(stream),
            _ => {}
        }
    }
    tokio::time::sleep(Duration::from_millis(dice.below(10) as u64)).await;
}

async fn program_h2(program: &Program) -> H2 {
    H2::connect(program.address()).await
}

/// Clients that break off for as long as this, from several threads; how many there were.
fn soak(program: &Program, targets: &[&str], seed: u64, time: Duration) -> usize {
    let end = Instant::now() + time;
    let one = |number: u64| {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (seed << 8 | number));
        let mut clients = 0;
        while Instant::now() < end {
            clients += 1;
            match dice.below(8) {
                0 => block_on(leave_h2(program, &mut dice, targets)),
                1 => program.client().assert_kept(),
                _ => leave_h1(program, &mut dice, targets),
            }
        }
        clients
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(move || one(number)))
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum()
    })
}

/// How many entries a folder of `/proc` has for the program.
fn count(program: &Program, what: &str) -> usize {
    let folder = format!("/proc/{}/{what}", program.pid());
    std::fs::read_dir(folder).unwrap().count()
}

/// Waits until nothing is open but what was before.
#[track_caller]
fn settle(program: &Program, before: (usize, usize)) {
    let mut now = (0, 0);
    let open = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        eventually("nothing is open but what was before", || {
            now = (count(program, "fd"), count(program, "task"));
            now.0 <= before.0 && now.1 <= before.1
        });
    }));
    assert!(
        open.is_ok(),
        "{before:?} descriptors and threads before, {now:?} after"
    );
}

#[track_caller]
fn nothing_stays(app: &Path, targets: &[&str], time: Duration) {
    let folder = Folder::new("soak");
    let manifest = folder.write(
        "soak.toml",
        format!("name = \"soak\"\n[limits]\nmax_concurrent_calls = {CALLS_MAX}\n"),
    );
    let manifest = manifest.display().to_string();
    let mut program = Program::serve(app, &["--manifest", &manifest]);
    program.client().assert_kept();
    let open = |program: &Program| (count(program, "fd"), count(program, "task"));
    let before = open(&program);
    soak(&program, targets, 1, time / 2);
    settle(&program, before);
    let memory = resident_bytes(program.pid());
    let clients = soak(&program, targets, 2, time);
    assert!(clients > 10, "{clients}");
    settle(&program, before);
    let after = resident_bytes(program.pid());
    assert!(
        after < memory + SLACK_BYTES,
        "memory grew from {memory} to {after} bytes with {clients} clients"
    );
    // As many calls as ever.
    let mut kept: Vec<_> = (0..CALLS_MAX).map(|_| program.client()).collect();
    for client in &mut kept {
        client.request("/ok");
    }
    for client in &mut kept {
        assert_eq!(client.response().text(), "ok");
    }
    drop(kept);
    program.terminate();
    assert!(program.wait().success(), "{:#?}", program.stderr());
    // An app may raise over a message that it did not expect.
    let bad: Vec<_> = program
        .stderr()
        .into_iter()
        .filter(|line| {
            line.contains("ERROR") && !line.contains("the app raised") || line.contains("panicked")
        })
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn clients_that_leave_an_echo_leave_nothing_behind() {
    nothing_stays(guests::ECHO.path(), &["/", "/x?y"], soak_time());
}

#[test]
fn clients_that_leave_a_response_leave_nothing_behind() {
    let targets = [
        "/?fill=300000",
        "/?body=a&pause=2&body=b&pause=2&body=c",
        "/?via=respond&body=x",
    ];
    nothing_stays(guests::ANSWER_AS_ASKED.path(), &targets, soak_time());
}

#[test]
fn clients_that_leave_an_app_that_waits_leave_nothing_behind() {
    nothing_stays(guests::HANG.path(), &["/", "/start", "/mid"], soak_time());
}

#[test]
fn clients_that_leave_a_python_app_leave_nothing_behind() {
    let app = wasgi_tests::python_app("behaviours");
    nothing_stays(
        &app,
        &["/echo", "/hang", "/large", "/?body=a&body=b"],
        soak_time(),
    );
}
