//! Where it listens: ports and Unix sockets that are free, taken, somebody else's, or left behind.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use rustix::process::Signal;
use socket2::{Domain, Socket, Type};
use wasgi_tests::{Client, Folder, Program, eventually, guests, wasgi};

use super::{Process, complaint, run};

/// `wasgi serve echo` with these arguments, to its end.
#[track_caller]
fn serve_fails(arguments: &[&str]) -> super::Complaint {
    let app = guests::ECHO.path().to_str().unwrap();
    complaint(&run([&["serve", app], arguments].concat()))
}

fn on_socket(path: &Path, arguments: &[&str]) -> Program {
    Program::start(
        wasgi()
            .arg("serve")
            .arg(guests::ECHO.path())
            .arg("--uds")
            .arg(path)
            .args(arguments),
    )
}

#[track_caller]
fn stop(mut program: Program) {
    program.terminate();
    assert_eq!(program.wait().code(), Some(0), "{:#?}", program.stderr());
}

#[test]
fn a_port_in_use_is_an_error() {
    let stranger = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = stranger.local_addr().unwrap().port().to_string();
    for workers in ["1", "2"] {
        serve_fails(&["--port", &port, "--workers", workers]).says(
            &format!("port {port} is in use at 127.0.0.1"),
            "in use",
            "choose another with --port",
        );
    }
}

/// Our threads share a port by `SO_REUSEPORT`. A stranger who allows that as well would get some of our connections.
#[test]
fn a_port_is_not_shared_with_a_stranger_who_would() {
    let stranger = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    stranger.set_reuse_address(true).unwrap();
    stranger.set_reuse_port(true).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    stranger.bind(&any.into()).unwrap();
    stranger.listen(8).unwrap();
    let bound = stranger.local_addr().unwrap().as_socket().unwrap();
    let port = bound.port().to_string();
    for workers in ["1", "2"] {
        let complaint = serve_fails(&["--port", &port, "--workers", workers]);
        complaint.says("is in use", "in use", "--port");
    }
}

#[test]
fn two_servers_do_not_share_a_port() {
    let first = Program::serve(guests::ECHO.path(), &["--workers", "2"]);
    let port = first.address().port().to_string();
    for workers in ["1", "2"] {
        let complaint = serve_fails(&["--port", &port, "--workers", workers]);
        complaint.says("is in use", "in use", "--port");
    }
    first.client().assert_kept();
}

#[test]
fn a_host_that_is_not_of_this_machine_is_an_error() {
    // An address for documentation: nobody has it.
    serve_fails(&["--host", "192.0.2.1", "--port", "0"]).says(
        "192.0.2.1 is not an address of this machine",
        "assign requested address",
        "--host 127.0.0.1",
    );
}

#[test]
fn a_host_that_does_not_exist_is_an_error() {
    // Longer than a name may be, so that nobody is asked for it.
    let host = "x".repeat(300);
    let what = format!("the host `{host}` is unknown");
    let complaint = serve_fails(&["--host", &host, "--port", "0"]);
    complaint.says(&what, "", "for example 127.0.0.1");
    assert!(!complaint.why.is_empty(), "{complaint:?}");
}

/// As most clients expect it, whatever the system has first for the name.
#[test]
fn localhost_is_an_ipv4_address() {
    let program = Program::serve(guests::ECHO.path(), &["--host", "localhost"]);
    assert!(program.address().is_ipv4(), "{}", program.start_line);
    program.client().assert_kept();
}

#[test]
fn a_unix_socket_serves_and_its_file_is_gone_in_the_end() {
    let folder = Folder::new("uds");
    let path = folder.path("api.sock");
    for workers in ["1", "2"] {
        let program = on_socket(&path, &["--workers", workers]);
        let place = format!(" at unix:{} (", path.display());
        assert!(
            program.start_line.contains(&place),
            "{}",
            program.start_line
        );
        let response = Client::unix(&path).post("/", b"hello");
        assert_eq!((response.status, &*response.text()), (200, "hello"));
        stop(program);
        assert!(!path.exists(), "the socket's file stays behind");
    }
}

#[test]
fn a_file_that_is_no_socket_is_in_the_way() {
    let folder = Folder::new("uds");
    let thesis = folder.write("thesis.txt", "years");
    serve_fails(&["--uds", thesis.to_str().unwrap()]).says(
        "thesis.txt` is in the way: it is not a socket",
        "",
        "choose another path",
    );
    assert_eq!(std::fs::read_to_string(&thesis).unwrap(), "years");
    let subfolder = folder.path("");
    serve_fails(&["--uds", subfolder.to_str().unwrap()]).says("is in the way", "", "another path");
}

#[test]
fn a_socket_cannot_be_where_there_is_no_folder() {
    let folder = Folder::new("uds");
    let path = folder.path("no/such/folder");
    serve_fails(&["--uds", path.to_str().unwrap()]).says(
        "cannot listen on the Unix socket",
        "No such file",
        "check that its folder exists",
    );
}

#[test]
fn another_server_on_a_unix_socket_is_left_alone() {
    let folder = Folder::new("uds");
    let path = folder.path("s");
    let first = on_socket(&path, &[]);
    serve_fails(&["--uds", path.to_str().unwrap()]).says(
        "another server listens on the Unix socket",
        "",
        "choose another path",
    );
    Client::unix(&path).assert_kept();
    stop(first);
}

#[test]
fn a_socket_that_a_dead_server_has_left_is_replaced() {
    let folder = Folder::new("uds");
    let path = folder.path("s");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "std leaves the file behind");
    let program = on_socket(&path, &[]);
    Client::unix(&path).assert_kept();
    stop(program);
    assert!(!path.exists());
}

/// A server that has bound the Unix socket and never becomes ready.
fn starting_for_ever(path: &Path) -> Process {
    let mut command = wasgi();
    command.arg("serve").arg(guests::HANG_IN_STARTUP.path());
    let starting = Process::start(command.arg("--uds").arg(path));
    starting.wait_said("starting for ever");
    starting
}

/// A server that is still starting looks like a dead one. Whoever takes its place keeps it.
#[test]
fn a_server_removes_no_socket_but_its_own() {
    let folder = Folder::new("uds");
    let path = folder.path("s");
    let starting = starting_for_ever(&path);
    let successor = on_socket(&path, &[]);
    starting.signal(Signal::TERM);
    assert_eq!(starting.finished().code, Some(0));
    Client::unix(&path).assert_kept();
    stop(successor);
    assert!(!path.exists());
}

/// The other side of it: a server whose place was taken before it was ready does not serve for nobody.
#[test]
fn a_server_that_lost_its_socket_while_it_started_says_so() {
    let folder = Folder::new("uds");
    for attempt in 0..100 {
        let path = folder.path(&attempt.to_string());
        let mut command = wasgi();
        command.arg("serve").arg(guests::ECHO.path());
        command.arg("--no-cache").arg("--uds").arg(&path);
        let starting = Process::start(&mut command);
        eventually("the socket is bound", || path.exists());
        starting.signal(Signal::STOP);
        eventually("it stands still", || starting.state() == 'T');
        if UnixStream::connect(&path).is_ok() {
            // It was too quick, and serves already.
            continue;
        }
        std::fs::remove_file(&path).unwrap();
        let _successor = UnixListener::bind(&path).unwrap();
        starting.signal(Signal::CONT);
        complaint(&starting.finished()).says(
            "cannot listen on unix:",
            "another server has taken its place",
            "choose another address",
        );
        assert!(path.exists(), "it is the successor's");
        return;
    }
    panic!("it always served before it could be stopped");
}

/// `L-03`: the socket is bound at once, and refuses everybody until the app is ready.
#[test]
fn nobody_is_accepted_while_the_app_starts() {
    let folder = Folder::new("uds");
    let path = folder.path("s");
    let _starting = starting_for_ever(&path);
    assert!(path.exists(), "it is bound");
    let refused = UnixStream::connect(&path).map(drop);
    assert_eq!(
        refused.map_err(|error| error.kind()),
        Err(ErrorKind::ConnectionRefused)
    );
}
