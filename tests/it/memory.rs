//! The real program's memory stays flat while bodies pass through it (`G-20`).

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use wasgi_tests::{Client, Folder, Program, eventually, guests, noise, resident_bytes};

const MIB: usize = 1024 * 1024;

fn large_bodies(folder: &Folder) -> String {
    let manifest = folder.write(
        "large.toml",
        "name = \"large\"\n[limits]\nrequest_body = \"200 MiB\"\n",
    );
    manifest.display().to_string()
}

/// Echoes `length` bytes through a connection, writing and reading at the same time, and compares them.
fn echo_through(client: &mut Client, body: &[u8]) {
    let length = body.len();
    let mut writer: TcpStream = client.writer();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let head = format!("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n");
            writer.write_all(head.as_bytes()).unwrap();
            writer.write_all(body).unwrap();
        });
        let response = client.response();
        assert!(response.whole, "after {} bytes", response.body.len());
        assert!(
            response.body == body,
            "the bytes are not those that were sent"
        );
    });
}

/// `Q-14`, `G-20`, `G-21`: 50 MB both ways at once, byte for byte, while the server's memory stays flat.
#[test]
fn fifty_megabytes_both_ways_leave_memory_flat() {
    let folder = Folder::new("echo");
    let program = Program::serve(guests::ECHO.path(), &["--manifest", &large_bodies(&folder)]);
    let body = noise(50_000_000);
    // What the first megabytes make it allocate, it keeps.
    echo_through(&mut program.client(), &body[..4 * MIB]);
    let before = resident_bytes(program.pid());
    let mut client = program.client();
    let mut highest = before;
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let echo = scope.spawn(|| {
            echo_through(&mut client, &body);
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        while !done.load(std::sync::atomic::Ordering::Relaxed) && !echo.is_finished() {
            highest = highest.max(resident_bytes(program.pid()));
            wasgi_tests::pause(Duration::from_millis(5));
        }
        echo.join().unwrap();
    });
    assert!(
        highest - before < 8 * MIB as u64,
        "memory grew from {before} to {highest} bytes"
    );
}

/// `Q-06`, `G-20`: a sleeping app and a 64 MB upload leave the server's memory flat.
#[test]
fn an_upload_to_a_sleeping_app_leaves_memory_flat() {
    let folder = Folder::new("sleep");
    let program = Program::serve(
        guests::NEVER_RECEIVE.path(),
        &["--manifest", &large_bodies(&folder)],
    );
    program.client().assert_kept();
    let before = resident_bytes(program.pid());
    let mut client = program.client();
    client.send(format!(
        "POST /sleep HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n",
        64 * MIB
    ));
    program.wait_line("sleeping");
    client.write_until_stalled(std::iter::repeat_n(noise(MIB), 64), Duration::from_secs(1));
    let after = resident_bytes(program.pid());
    assert!(
        after.saturating_sub(before) < 4 * MIB as u64,
        "memory grew from {before} to {after} bytes"
    );
    program.client().assert_kept();
}

/// `R-09`, `G-20`: so does a client that reads nothing of 26 MB.
#[test]
fn a_slow_reader_leaves_memory_flat() {
    let program = Program::serve(guests::FLOOD_A_SLOW_READER.path(), &[]);
    program.client().assert_kept();
    let before = resident_bytes(program.pid());
    let mut clients: Vec<_> = (0..4)
        .map(|_| {
            let mut client = program.client();
            let response = client.request("/flood").head();
            (client, response)
        })
        .collect();
    let mut sent = String::new();
    eventually("the app is stopped", || {
        wasgi_tests::pause(Duration::from_millis(200));
        let now = program.client().get("/sent").text();
        std::mem::replace(&mut sent, now.clone()) == now
    });
    let after = resident_bytes(program.pid());
    assert!(
        after.saturating_sub(before) < 12 * MIB as u64,
        "memory grew from {before} to {after} bytes"
    );
    // All of them get all of it.
    std::thread::scope(|scope| {
        for (client, response) in &mut clients {
            scope.spawn(move || {
                client.body(response, "GET");
                assert_eq!((response.body.len(), response.whole), (400 * 65_536, true));
            });
        }
    });
}
