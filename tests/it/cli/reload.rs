//! `wasgi serve --reload`: a change is served on the same socket, a mistake is shown to its author, and a signal ends it
//! at any time.

mod python;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use wasgi_tests::{Client, Folder, Response, guests, pause, wasgi};

use super::new::{compiled, turn};
use super::{Process, complaint};

/// A build, on a busy machine.
const BUILDING: Duration = Duration::from_secs(300);

const SOURCE: &str = r#"
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    scope.into_http()?;
    send.respond(200, [("content-type", "text/plain")], "VERSION").await?;
    Ok(())
}

wasgi_sdk::app!(app);
"#;

/// A project of `wasgi new` with this source.
struct Project {
    folder: Folder,
}

impl Project {
    fn new(source: &str) -> Self {
        let folder = Folder::new("reload");
        let mut new = wasgi();
        new.arg("new").arg(folder.path("reloaded"));
        let made = Process::start(&mut new).finished();
        assert_eq!(made.code, Some(0), "{made:?}");
        let project = Self { folder };
        project.write(source);
        project
    }

    fn path(&self) -> PathBuf {
        self.folder.path("reloaded")
    }

    fn write(&self, source: &str) {
        self.folder.write("reloaded/src/lib.rs", source);
    }

    fn serve(&self) -> Process {
        let mut serve = wasgi();
        serve
            .arg("serve")
            .arg(self.path())
            .args(["--reload", "--port", "0"])
            .env("CARGO_TARGET_DIR", compiled());
        Process::start(&mut serve)
    }
}

fn version(number: u32) -> String {
    SOURCE.replace("VERSION", &format!("version {number}"))
}

#[track_caller]
fn patiently<T>(what: &str, process: &Process, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < BUILDING, "{what}: {}", process.said());
        pause(Duration::from_millis(50));
    }
}

/// The port of `http://127.0.0.1:PORT` in what it says, whenever that comes.
#[track_caller]
fn port(process: &Process) -> u16 {
    patiently("it listens", process, || {
        let said = process.said();
        let (_, after) = said.split_once("http://127.0.0.1:")?;
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    })
}

/// Asks on one connection, again and again, until the answer is like that. No request is lost on the way.
#[track_caller]
fn until(client: &mut Client, process: &Process, wanted: impl Fn(&Response) -> bool) -> Response {
    patiently("the answer changes", process, || {
        let response = client.get("/");
        assert!(
            [200, 500].contains(&response.status),
            "{}: {}",
            response.status,
            response.text()
        );
        wanted(&response).then_some(response)
    })
}

/// One test for the whole story: each build takes its time.
#[test]
fn a_change_is_served_and_a_mistake_is_shown() {
    let _turn = turn();
    // It begins with a mistake.
    let project = Project::new(&version(1).replace("send.respond", "send.rezpond"));
    let process = project.serve();
    let port = port(&process);
    let mut client = Client::tcp(([127, 0, 0, 1], port).into());
    let response = client.get("/");
    assert_eq!(response.status, 500);
    let text = response.text();
    assert!(
        text.starts_with("cargo could not build `reloaded`"),
        "{text}"
    );
    assert!(text.contains("rezpond") && !text.contains('\x1b'), "{text}");
    process.wait_said("no method named `rezpond`");
    process.wait_said("waiting for a change in");

    project.write(&version(1));
    until(&mut client, &process, |it| it.text() == "version 1");
    process.wait_said("src/lib.rs changed: loading the app again");

    project.write(&version(2));
    until(&mut client, &process, |it| it.text() == "version 2");

    // An app that compiles and does not start.
    let refuses = version(3).replace(
        "scope.into_http()?;",
        "if let Scope::Lifespan(_) = &scope { _receive.next().await; return Ok(send.startup_failed(\"no <database>\").await?); }\n    scope.into_http()?;",
    );
    project.write(&refuses);
    let response = until(&mut client, &process, |it| it.status == 500);
    assert!(response.text().contains("no <database>"), "{response:?}");
    let page = client
        .send("GET / HTTP/1.1\r\nhost: test\r\naccept: text/html\r\n\r\n")
        .response();
    assert!(page.text().contains("no &lt;database&gt;"), "{page:?}");

    // A manifest that is wrong, and right again, with the app.
    let manifest = project.path().join("wasgi.toml");
    let right = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, "nome = \"typo\"\n").unwrap();
    let response = until(&mut client, &process, |it| it.text().contains("`name`"));
    assert_eq!(response.status, 500);
    project.write(&version(4));
    std::fs::write(&manifest, right).unwrap();
    until(&mut client, &process, |it| it.text() == "version 4");

    process.signal(Signal::INT);
    let finished = process.finished();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let _ = Command::new("cargo")
        .current_dir(project.path())
        .env("CARGO_TARGET_DIR", compiled())
        .args(["clean", "--offline", "--package", "reloaded"])
        .output();
}

/// While cargo works, and before anything listens.
#[test]
fn a_signal_ends_it_while_it_builds() {
    let folder = Folder::new("reload-stop");
    folder.write("wasgi.toml", "name = \"slow\"\n");
    folder.write("src/lib.rs", "");
    folder.write(
        "Cargo.toml",
        "[package]\nname = \"slow\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n",
    );
    folder.write(
        "build.rs",
        "fn main() { std::thread::sleep(std::time::Duration::from_secs(10)); }",
    );
    let mut serve = wasgi();
    serve
        .arg("serve")
        .arg(folder.path(""))
        .args(["--reload", "--port", "0"])
        .env("CARGO_TARGET_DIR", folder.path("target"));
    let process = Process::start(&mut serve);
    process.wait_said("Compiling slow");
    process.signal(Signal::INT);
    let finished = process.finished();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stderr.contains("stopped before the app was ready"));
}

#[test]
fn what_has_no_sources_is_refused() {
    let mut serve = wasgi();
    serve
        .arg("serve")
        .arg(guests::ECHO.path())
        .args(["--reload", "--port", "0"]);
    complaint(&Process::start(&mut serve).finished()).says(
        "a component has no sources to reload",
        "",
        "without `--reload`",
    );
    let mut serve = wasgi();
    serve.args(["serve", "no/such/folder", "--reload"]);
    complaint(&Process::start(&mut serve).finished()).says(
        "cannot find the app `no/such/folder`",
        "",
        "give the folder of an app",
    );
}
