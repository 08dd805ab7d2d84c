//! `E-02`: a file of the app is the body, and the host reads it.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use h2::Reason;
use wasgi_tests::{Folder, H2, Running, Serve, block_on, eventually, guests, noise, pause};

fn serve(folder: &Folder) -> Running {
    fs::create_dir_all(folder.path("mount")).unwrap();
    Serve::guest(guests::ANSWER_AS_ASKED)
        .live("1", &folder.path("mount"))
        .data(&folder.path("data"))
        .start()
}

/// Any size around the bounds of a piece, over HTTP/1.1, HTTP/1.0 and HTTP/2; the host knows the length.
#[test]
fn the_file_is_the_body() {
    let folder = Folder::new("pathsend");
    let server = serve(&folder);
    for size in [0, 1, 65_536, 131_071, 131_072, 131_073, 3_000_000] {
        let bytes = noise(size);
        folder.write("mount/a/file", &bytes);
        folder.write("data/file", &bytes);
        for target in ["/?path=/1/a/file", "/?path=/data/file"] {
            let mut client = server.client();
            let response = client.get(target);
            assert_eq!(
                (
                    response.status,
                    response.header("content-length"),
                    response.whole
                ),
                (200, Some(&*size.to_string()), true)
            );
            assert!(response.body == bytes, "{size} bytes came as others");
            client.assert_kept();

            let request = format!("GET {target} HTTP/1.0\r\n\r\n");
            let response = server.client().send(request).response();
            assert_eq!(response.header("content-length"), Some(&*size.to_string()));
            assert!(response.body == bytes, "{size} bytes came as others");

            let reply = block_on(async { server.h2().await.get(target).await });
            assert_eq!(
                (reply.all("content-length"), reply.reset),
                (vec![&*size.to_string()], None)
            );
            assert!(reply.body == bytes, "{size} bytes came as others");
        }
    }
}

/// `R-04`, `M-06`: an app that names its file when its head has gone out already: all of the file, or a visible cut.
#[test]
fn a_late_file_is_the_body_all_the_same() {
    let folder = Folder::new("pathsend");
    let server = serve(&folder);
    for size in [0, 1, 300_000] {
        let bytes = noise(size);
        folder.write("data/file", &bytes);
        for length in [String::new(), format!("&header=content-length:{size}")] {
            let target = format!("/?pause=120&path=/data/file{length}");
            let mut client = server.client();
            let response = client.get(&target);
            assert_eq!((response.status, response.whole), (200, true), "{target}");
            assert!(response.body == bytes, "{size} bytes came as others");
            client.assert_kept();
            let reply = block_on(async { server.h2().await.get(&target).await });
            assert_eq!(reply.reset, None, "{target}");
            assert!(reply.body == bytes, "{size} bytes came as others");
        }
    }
    for target in [
        "/?pause=120&path=/data/nothing",
        "/?pause=120&path=/data/file&header=content-length:300001",
    ] {
        let mut client = server.client();
        let response = client.get(target);
        assert_eq!(
            (response.status, response.whole, response.body.len()),
            (200, false, 0),
            "{target}"
        );
        assert!(client.is_closed());
    }
    server.assert_serves();
}

/// `M-04`, `M-05`: the length of the file and no byte of it; not even a look at it where there is no body at all.
#[test]
fn without_a_body_nothing_is_read() {
    let folder = Folder::new("pathsend-head");
    let server = serve(&folder);
    folder.write("mount/file", noise(300_000));
    let mut client = server.client();
    client.send("HEAD /?path=/1/file HTTP/1.1\r\nhost: h\r\n\r\n");
    let head = client.response_to("HEAD");
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, Some("300000"))
    );
    client.assert_kept();
    let reply = block_on(async {
        let request = H2::request("HEAD", "/?path=/1/file");
        server.h2().await.fetch(request, None).await.unwrap()
    });
    assert_eq!(
        (reply.all("content-length"), reply.frames, reply.reset),
        (vec!["300000"], 0, None)
    );
    for status in [204, 304] {
        let response = client.get(&format!("/?status={status}&path=/1/absent"));
        assert_eq!(response.status, status);
    }
    client.send("HEAD /?path=/1/absent HTTP/1.1\r\nhost: h\r\n\r\n");
    assert_eq!(client.response_to("HEAD").status, 500);
    client.assert_kept();
}

/// What the app may not read is not sent: 500 before a byte of it, and the log says which path of the app it was.
#[test]
fn what_is_no_file_of_the_app_is_a_500() {
    let folder = Folder::new("pathsend-out");
    let server = serve(&folder);
    folder.write("mount/file", "file");
    let secret = folder.write("secret", "secret");
    symlink("../secret", folder.path("mount/up")).unwrap();
    symlink(&secret, folder.path("mount/absolute")).unwrap();
    symlink("../../secret", folder.path("data/up")).unwrap();
    let secret = secret.to_str().unwrap();
    for path in [
        "/1/absent",
        "/1",
        "/1/",
        "/",
        "/etc/passwd",
        "/1/../secret",
        "/1/up",
        "/1/absolute",
        "/data/up",
        "/data/../secret",
        "/1/file/",
        secret,
    ] {
        let (mut client, mark) = (server.client(), server.mark());
        let response = client.get(&format!("/?path={path}"));
        assert_eq!(
            (response.status, response.text().as_str()),
            (500, "Internal Server Error"),
            "{path}: {response:?}"
        );
        client.assert_kept();
        let line = server.wait_since(mark, |line| line.message.contains("pathsend of "));
        assert_eq!(line.level, tracing::Level::ERROR);
        assert!(line.message.contains(path), "{line}");
        let host = folder.path("mount");
        assert!(!line.message.contains(host.to_str().unwrap()), "{line}");
    }
    assert_eq!(server.get("/?path=/1/file").text(), "file");
    assert_eq!(server.get("/?path=/1/./../1/file").status, 500);
}

/// The length that the app has announced is kept: a file that has grown since ends there, one that is too short is a 500.
#[test]
fn an_announced_length_is_kept() {
    let folder = Folder::new("pathsend-length");
    let server = serve(&folder);
    for size in [5, 500_000] {
        let bytes = noise(size + 10);
        folder.write("mount/file", &bytes);
        let target = |length: usize| format!("/?header=content-length:{length}&path=/1/file");
        let mut client = server.client();
        let response = client.get(&target(size));
        assert_eq!(response.header("content-length"), Some(&*size.to_string()));
        assert!(response.body == bytes[..size]);
        client.assert_kept();
        let (response, mark) = (client.get(&target(size + 11)), server.mark());
        assert_eq!(response.status, 500, "{mark}");
        server.wait_line(&format!(
            "`content-length` announced {} bytes and the file has {}",
            size + 11,
            size + 10
        ));
        client.assert_kept();
    }
}

/// `M-03`: a file that becomes shorter while it is sent cuts the response.
#[test]
fn a_file_that_shrinks_cuts_its_response() {
    let folder = Folder::new("pathsend-shrinks");
    let server = serve(&folder);
    let bytes = noise(20_000_000);
    let file = folder.write("mount/file", &bytes);
    let mut client = server.client();
    let mut response = client.request("/?path=/1/file").head();
    // As much as the buffers of the system take is under way; the rest is not read yet.
    File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(1000)
        .unwrap();
    client.body(&mut response, "GET");
    assert!(!response.whole && bytes.starts_with(&response.body));
    assert!(client.is_closed());
    server.wait_line("it became shorter while it was sent");

    fs::write(&file, &bytes).unwrap();
    block_on(async {
        let mut client = server.h2().await;
        let (response, _) = client
            .open(H2::request("GET", "/?path=/1/file"), true)
            .await;
        let (_, mut body) = H2::head(response).await.unwrap();
        File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_len(1000)
            .unwrap();
        let end = loop {
            match body.frame().await {
                Some(Ok(_)) => {}
                end => break end,
            }
        };
        assert_eq!(end, Some(Err(Some(Reason::INTERNAL_ERROR))));
        assert_eq!(client.get("/ok").await.text(), "ok");
    });
}

/// `R-09`: a client that does not read costs two pieces, not the file; when it leaves the file is closed.
#[test]
fn a_client_that_leaves_leaves_no_file_open() {
    let folder = Folder::new("pathsend-leaves");
    let server = serve(&folder);
    let size = 64_000_000;
    let file = folder.path("mount/large");
    fs::create_dir_all(folder.path("mount")).unwrap();
    File::create(&file).unwrap().set_len(size).unwrap();
    let mut clients: Vec<_> = (0..8)
        .map(|_| {
            let mut client = server.client();
            let head = client.request("/?path=/1/large").head();
            assert_eq!(head.header("content-length"), Some(&*size.to_string()));
            client
        })
        .collect();
    pause(Duration::from_millis(50));
    assert_eq!(open_at(&file), 8);
    // Others are served meanwhile, from the same pool of threads.
    folder.write("mount/small", "small");
    assert_eq!(server.get("/?path=/1/small").text(), "small");
    clients.pop();
    for client in clients {
        client.reset();
    }
    eventually("every file is closed", || open_at(&file) == 0);
    server.wait_log(|line| line.field("outcome") == "disconnected");
    server.assert_serves();
}

/// A Python app has its own files sent, also by a path from its working directory, and those in `/data`.
#[test]
fn a_python_app_has_its_files_sent() {
    let folder = Folder::new("pathsend-python");
    let bytes = noise(300_000);
    folder.write("data/file", &bytes);
    let server = Serve::python("behaviours")
        .data(&folder.path("data"))
        .start();
    let main = fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/python/behaviours/main.py"
    ));
    let main = main.unwrap();
    let mut client = server.client();
    for (path, content) in [
        ("/1/main.py", &main),
        ("main.py", &main),
        ("../1/main.py", &main),
        ("/data/file", &bytes),
    ] {
        let response = client.get(&format!("/?header=x-own:1&path={path}"));
        assert_eq!((response.status, response.whole), (200, true), "{path}");
        assert_eq!(
            response.header("content-length"),
            Some(&*content.len().to_string())
        );
        assert!(response.body == *content, "{path}");
    }
    for path in ["absent", "/1", "../../etc/passwd"] {
        assert_eq!(client.get(&format!("/?path={path}")).status, 500, "{path}");
    }
    client.assert_kept();
}

/// How many descriptors of this process are of this file.
fn open_at(file: &Path) -> usize {
    let file = fs::canonicalize(file).unwrap();
    fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter(|open| *open == file)
        .count()
}
