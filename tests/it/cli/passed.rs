//! A socket that was passed: by its number (`--fd`), and as systemd does it (`LISTEN_FDS`).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

use wasgi_tests::{Client, Folder, PATIENCE, Program, guests, wasgi};

use super::{Process, complaint, visited};

/// `wasgi serve` with this descriptor as 0.
fn with_socket(socket: impl Into<OwnedFd>, arguments: &[&str]) -> Command {
    let mut command = wasgi();
    command.arg("serve").arg(guests::REPORT_SCOPE.path());
    command.args(arguments).stdin(Stdio::from(socket.into()));
    command
}

/// `wasgi serve` as systemd starts it: the socket is descriptor 3 (and 4), and variables say so to this process alone.
fn activated(socket: &TcpListener, variables: &str, arguments: &[&str]) -> Command {
    let serve = with_socket(socket.try_clone().unwrap(), arguments);
    let script = format!("exec env LISTEN_PID=$$ {variables} \"$@\" 3<&0 4<&0 </dev/null");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]);
    command.arg(serve.get_program()).args(serve.get_args());
    for (name, value) in serve.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(OwnedFd::from(socket.try_clone().unwrap()));
    command
}

fn tcp() -> (TcpListener, String) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address.to_string())
}

#[track_caller]
fn fails(command: &mut Command, what: &str, why: &str, hint: &str) {
    complaint(&Process::start(command).finished()).says(what, why, hint);
}

#[test]
fn a_tcp_socket_that_was_passed_is_served_from_by_all_threads() {
    for workers in ["1", "2"] {
        let (socket, address) = tcp();
        let arguments = ["--fd", "0", "--workers", workers];
        let program = Program::start(&mut with_socket(socket, &arguments));
        assert!(
            program
                .start_line
                .contains(&format!(" at http://{address} (")),
            "{}",
            program.start_line
        );
        let port = address.rsplit(':').next().unwrap();
        for _ in 0..20 {
            assert_eq!(
                program.client().get("/").value("server"),
                format!("ip 127.0.0.1 {port}")
            );
        }
    }
}

/// Its file belongs to whoever bound it, and stays.
#[test]
fn h12_a_unix_socket_that_was_passed_keeps_its_file() {
    let folder = Folder::new("passed");
    let path = folder.path("s");
    let socket = UnixListener::bind(&path).unwrap();
    let mut program = Program::start(&mut with_socket(
        socket.try_clone().unwrap(),
        &["--fd", "0"],
    ));
    let shown = path.display();
    assert!(
        program.start_line.contains(&format!(" at unix:{shown} (")),
        "{}",
        program.start_line
    );
    assert_eq!(
        Client::unix(&path).get("/").value("server"),
        format!("unix {shown}")
    );
    program.terminate();
    assert_eq!(program.wait().code(), Some(0));
    assert!(path.exists(), "it is not ours to remove");
    assert!(
        UnixStream::connect(&path).is_ok(),
        "and whoever passed it still listens"
    );
}

/// `L-03`, `G-14`: a connection that comes while nobody serves waits for the next server; none is refused.
#[test]
fn a_restart_behind_a_passed_socket_refuses_nobody() {
    let (socket, address) = tcp();
    let serve = || {
        Program::start(&mut with_socket(
            socket.try_clone().unwrap(),
            &["--fd", "0"],
        ))
    };
    let ask = || {
        let mut stream = TcpStream::connect(&address).expect("nobody is refused");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
        let _ = stream.write_all(request.as_bytes());
        stream
    };
    let answer = |mut stream: TcpStream| {
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    let early = ask();
    let mut program = serve();
    for _ in 0..2 {
        assert!(answer(ask()).starts_with("HTTP/1.1 200"));
        program.terminate();
        let meanwhile: Vec<_> = (0..5).map(|_| ask()).collect();
        assert_eq!(program.wait().code(), Some(0), "{:#?}", program.stderr());
        let later = ask();
        program = serve();
        assert!(answer(later).starts_with("HTTP/1.1 200"));
        for stream in meanwhile {
            let answer = answer(stream);
            // What a server has accepted in the moment in which it was stopped is an idle connection, and closed.
            assert!(
                answer.is_empty() || answer.starts_with("HTTP/1.1 200"),
                "{answer}"
            );
        }
    }
    assert!(answer(early).starts_with("HTTP/1.1 200"));
}

#[test]
fn systemds_socket_is_served_from_without_a_flag() {
    let (socket, address) = tcp();
    for (variables, arguments) in [
        ("LISTEN_FDS=1", &[][..]),
        ("LISTEN_FDS=1 LISTEN_FDNAMES=wasgi.socket WASGI_PORT=1", &[]),
        ("LISTEN_FDS=2 LISTEN_FDNAMES=admin:http", &["--fd", "http"]),
        ("LISTEN_FDS=2 LISTEN_FDNAMES=admin:http", &["--fd", "4"]),
        ("LISTEN_FDS=1", &["--workers", "2"]),
    ] {
        let program = Program::start(&mut activated(&socket, variables, arguments));
        assert!(
            program.start_line.contains(&address),
            "{variables}: {}",
            program.start_line
        );
        assert_eq!(program.client().get("/").status, 200);
    }
    let program = Program::start(&mut activated(&socket, "LISTEN_FDS=1", &[]));
    let flags = std::fs::read_to_string(format!("/proc/{}/fdinfo/3", program.pid())).unwrap();
    let flags = flags
        .lines()
        .find_map(|line| line.strip_prefix("flags:"))
        .unwrap();
    let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
    assert_ne!(
        flags & 0o2_000_000,
        0,
        "a program that builds the app would get it, too"
    );
}

/// What is for another process is not for us.
#[test]
fn variables_of_another_process_mean_nothing() {
    let mut command = wasgi();
    command
        .arg("serve")
        .arg(guests::ECHO.path())
        .args(["--port", "0"]);
    command.env("LISTEN_PID", "1").env("LISTEN_FDS", "1");
    let finished = visited(&mut command, |client| client.assert_kept());
    let serves = |line: &str| line.starts_with("wasgi serves");
    assert!(finished.stderr.lines().any(serves), "{finished:?}");
}

#[test]
fn sockets_that_contradict_each_other_or_a_flag_are_an_error() {
    let (socket, _) = tcp();
    let activated = |variables: &str, arguments: &[&str]| activated(&socket, variables, arguments);
    let several = "LISTEN_FDS=2 LISTEN_FDNAMES=admin:http";
    fails(
        &mut activated(several, &[]),
        "several sockets: `admin`, `http`",
        "",
        "--fd NAME",
    );
    fails(
        &mut activated(several, &["--fd", "htpt"]),
        "no socket `htpt`, but `admin`, `http`",
        "",
        "FileDescriptorName=",
    );
    fails(
        &mut activated("LISTEN_FDS=1", &["--port", "0"]),
        "two places to listen",
        "systemd has passed a socket",
        "leave the flag out",
    );
    let mut alone = wasgi();
    alone
        .arg("serve")
        .arg(guests::ECHO.path())
        .args(["--fd", "http"]);
    fails(
        &mut alone,
        "there is no socket `http`: systemd has passed none",
        "",
        ".socket unit",
    );
}

#[test]
fn what_cannot_be_listened_on_is_an_error() {
    let fd = ["--fd", "0"];
    let hint = "pass a listening TCP or Unix stream socket";
    let file = std::fs::File::open("/dev/null").unwrap();
    fails(
        &mut with_socket(file, &fd),
        "descriptor 0 is not a socket",
        "",
        hint,
    );
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    fails(
        &mut with_socket(datagrams, &fd),
        "descriptor 0 is a socket of another type than stream",
        "",
        hint,
    );
    let (near, _far) = UnixStream::pair().unwrap();
    fails(
        &mut with_socket(near, &fd),
        "descriptor 0 is a socket that does not listen",
        "",
        hint,
    );
    let (socket, _) = tcp();
    fails(
        &mut with_socket(socket.try_clone().unwrap(), &["--fd", "77"]),
        "descriptor 77 is not open",
        "",
        hint,
    );
    fails(
        &mut with_socket(socket, &["--fd", "1"]),
        "descriptor 1 is not one to listen on",
        "",
        hint,
    );
}

// ---------------------------------------------------------------- the file of a Unix socket

fn mode_of(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_unix_socket_may_be_connected_to_by_whom_the_flag_says() {
    let folder = Folder::new("passed");
    for (mode, expected) in [("660", 0o660), ("0o606", 0o606), ("0600", 0o600)] {
        let path = folder.path(mode);
        let mut command = wasgi();
        command
            .arg("serve")
            .arg(guests::ECHO.path())
            .arg("--uds")
            .arg(&path);
        let _program = Program::start(command.args(["--uds-permissions", mode]));
        assert_eq!(mode_of(&path), expected);
        Client::unix(&path).assert_kept();
    }
}
