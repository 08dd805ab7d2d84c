//! HTTPS by flags and by the environment, and certificates that are loaded again.

use std::process::Command;

use wasgi_tests::{Authority, Folder, Program, Secure, guests, wasgi};

use super::{Process, complaint, run};

/// A folder with `own.pem` and `own.key` for `localhost`.
fn folder(authority: &Authority) -> Folder {
    let folder = Folder::new("https");
    authority.server(&["localhost"]).write(&folder, "own");
    folder
}

fn serve(folder: &Folder, more: &[&str]) -> Command {
    let mut command = wasgi();
    command
        .arg("serve")
        .arg(guests::REPORT_SCOPE.path())
        .args(["--port", "0", "--ssl-certfile"])
        .arg(folder.path("own.pem"))
        .arg("--ssl-keyfile")
        .arg(folder.path("own.key"))
        .args(more);
    command
}

#[track_caller]
fn seen(program: &Program, client: &Secure, key: &str) -> String {
    let mut connected = client.client(program.address()).expect("a handshake");
    connected.get("/").value(key)
}

/// The start line has the address that one types.
#[test]
fn flags_make_it_serve_https() {
    let authority = Authority::new("cli");
    let folder = folder(&authority);
    let client = Secure::trusting(&authority);
    let program = Program::start(&mut serve(&folder, &["--workers", "2"]));
    assert!(
        program.start_line.contains(" at https://127.0.0.1:"),
        "{}",
        program.start_line
    );
    assert_eq!(seen(&program, &client, "scheme"), "https");
}

/// In one file, in the environment, several with colons between them; client certificates required by default.
#[test]
fn the_environment_makes_it_serve_https() {
    let authority = Authority::new("cli");
    let folder = folder(&authority);
    let second = authority.server(&["second.example"]);
    let second = folder.write("second.pem", format!("{}{}", second.key, second.pem));
    let own = authority.server(&["localhost"]);
    let own = folder.write("both.pem", format!("{}{}", own.pem, own.key));
    let mut command = wasgi();
    command
        .arg("serve")
        .arg(guests::REPORT_SCOPE.path())
        .env("WASGI_PORT", "0")
        .env(
            "WASGI_SSL_CERTFILE",
            format!("{}:{}", own.display(), second.display()),
        )
        .env("WASGI_SSL_CA_CERTS", authority.write(&folder, "ca.pem"))
        .env("WASGI_TIMEOUT_TLS_HANDSHAKE", "1");
    let program = Program::start(&mut command);
    let alice = Secure::trusting(&authority).showing(&authority.client("Shop", "alice"));
    for host in ["localhost", "second.example"] {
        let name = seen(&program, &alice.clone().named(host), "client_cert_name");
        assert_eq!(name, "Some(\"CN=alice,O=Shop\")", "{host}");
    }
    assert!(program.client().is_closed(), "T-07");
    // uvicorn's numbers are taken for words.
    command.env("WASGI_SSL_CERT_REQS", "1");
    let program = Program::start(&mut command);
    let anonymous = Secure::trusting(&authority);
    assert_eq!(seen(&program, &anonymous, "client_cert_name"), "None");
    command.env("WASGI_SSL_CERT_REQS", "none");
    let program = Program::start(&mut command);
    assert_eq!(seen(&program, &alice, "client_cert_name"), "None");
}

/// Files are read before any port is bound, and flags that contradict each other are said.
#[test]
fn what_cannot_serve_is_an_error_before_anybody_listens() {
    let authority = Authority::new("cli");
    let folder = folder(&authority);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let fails = |arguments: &[&str]| {
        let app = guests::ECHO.path().to_str().unwrap();
        let port = ["--port", &port];
        complaint(&run([&["serve", app], &port[..], arguments].concat()))
    };
    let file = |name: &str| folder.path(name).display().to_string();
    let (pem, key) = (file("own.pem"), file("own.key"));
    fails(&["--ssl-certfile", "nowhere.pem"]).says(
        "cannot read the certificate `nowhere.pem`",
        "No such file",
        "check the path",
    );
    fails(&["--ssl-certfile", &key, "--ssl-keyfile", &pem]).says(
        "there is no certificate in",
        "there is a private key in it",
        "the wrong way round",
    );
    fails(&["--ssl-keyfile", &key]).says(
        "--ssl-keyfile without a certificate",
        "",
        "--ssl-certfile",
    );
    fails(&["--ssl-ca-certs", &pem]).says(
        "--ssl-ca-certs without a certificate",
        "before it asks clients",
        "--ssl-certfile",
    );
    let two = [
        "--ssl-certfile",
        &pem,
        "--ssl-certfile",
        &pem,
        "--ssl-keyfile",
        &key,
    ];
    fails(&two).says(
        "there are 2 certificates and 1 keys",
        "in the same order",
        "as many of one",
    );
    let asking = [
        "--ssl-certfile",
        &pem,
        "--ssl-keyfile",
        &key,
        "--ssl-cert-reqs",
        "required",
    ];
    fails(&asking).says("nobody is trusted", "", "--ssl-ca-certs FILE");
    let finished = run(["serve", "a.wasm", "--ssl-cert-reqs", "perhaps"]);
    assert!(
        finished
            .stderr
            .contains("[possible values: none, optional, required]"),
        "{finished:?}"
    );
}

/// An expired certificate serves, and the log says that clients will not like it.
#[test]
fn an_expired_certificate_is_warned_of() {
    let authority = Authority::new("cli");
    let folder = folder(&authority);
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2020, 2, 2);
    authority.issue(params).write(&folder, "own");
    let program = Program::start(&mut serve(&folder, &[]));
    let line = program.wait_line("has expired on 2020-02-02");
    assert!(line.contains("WARN"), "{line}");
}

/// SIGHUP loads the certificates again, also with `--log-level warn` and without TLS; a mistake is said and changes nothing.
#[test]
fn sighup_loads_the_certificates_again() {
    let authority = Authority::new("cli");
    let folder = folder(&authority);
    let client = Secure::trusting(&authority);
    let mut program = Program::start(&mut serve(&folder, &[]));
    let before = seen(&program, &client, "server_cert");
    let mut kept = client.client(program.address()).unwrap();
    assert_eq!(kept.get("/").value("server_cert"), before);

    authority.server(&["localhost"]).write(&folder, "own");
    program.hang_up();
    program.wait_line("the certificates were loaded again");
    let after = seen(&program, &client, "server_cert");
    assert_ne!(after, before);
    assert_eq!(kept.get("/").value("server_cert"), before);

    folder.write("own.pem", "half of it");
    program.hang_up();
    let line = program.wait_line("the certificates stay as they were: there is no certificate in");
    assert!(line.contains("ERROR") && line.contains("PEM"), "{line}");
    assert_eq!(seen(&program, &client, "server_cert"), after);
    program.terminate();
    assert_eq!(program.wait().code(), Some(0));

    let mut plain = Program::serve(guests::ANSWER_AS_ASKED.path(), &[]);
    plain.hang_up();
    plain.client().assert_kept();
    plain.terminate();
    assert_eq!(plain.wait().code(), Some(0));
}

/// As certbot does it: a link that points elsewhere from one moment to the next. Nobody has to send a signal.
#[test]
fn changed_files_are_seen() {
    let authority = Authority::new("cli");
    let folder = Folder::new("https");
    authority.server(&["localhost"]).write(&folder, "first");
    let new = authority.server(&["localhost"]);
    new.write(&folder, "second");
    let point = |to: &str| {
        for end in ["pem", "key"] {
            let link = folder.path(&format!("own.{end}"));
            let _ = std::fs::remove_file(&link);
            std::os::unix::fs::symlink(format!("{to}.{end}"), link).unwrap();
        }
    };
    point("first");
    let program = Program::start(&mut serve(&folder, &[]));
    let client = Secure::trusting(&authority);
    let before = seen(&program, &client, "server_cert");
    point("second");
    program.wait_line("the certificates were loaded again");
    assert_ne!(seen(&program, &client, "server_cert"), before);
}

/// In a terminal of its own: SIGHUP loads the certificates again while somebody sits there, and ends it when nobody does.
const TERMINAL: &str = r#"
import os, pty, signal, subprocess, sys

ours, theirs = pty.openpty()
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
os.close(theirs)
said = b""

def wait_said(text):
    global said
    while text not in said:
        said += os.read(ours, 4096)

wait_said(b"; stop with Ctrl-C)")
child.send_signal(signal.SIGHUP)
wait_said(b"the certificates were loaded again")
os.close(ours)
child.send_signal(signal.SIGHUP)
print("ended with", child.wait(60))
"#;

/// A server that was started from a terminal ends with it, as a program does.
#[test]
fn a_closed_terminal_stops_the_server() {
    let authority = Authority::new("cli");
    let folder = folder(&authority);
    let serve = serve(&folder, &[]);
    let mut command = Command::new("python3");
    command.args(["-c", TERMINAL]);
    command.arg(serve.get_program()).args(serve.get_args());
    for (name, value) in serve.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let finished = Process::start(&mut command).finished();
    assert_eq!(finished.stdout, "ended with 0\n", "{finished:?}");
}
