//! The folder for an app's data: where it is, who may read it, and that it stays.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use wasgi_tests::{Folder, Program, Serve, guests};

use crate::cli::{Process, complaint};
use crate::files::ask;

#[test]
fn the_data_folder_is_shared_and_stays() {
    let folder = Folder::new("data");
    let data = folder.path("deep/er");
    let serve = || Serve::guest(guests::USE_FILES).data(&data);
    let server = serve().instances(2).threads(2).start();
    let mode = fs::metadata(&data).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(ask(&server, "/write?path=/data/a&text=1").0, 200);
    assert_eq!(ask(&server, "/make?path=/data/sub").0, 200);
    assert_eq!(ask(&server, "/rename?path=/data/a&to=/data/sub/b").0, 200);
    for _ in 0..10 {
        assert_eq!(ask(&server, "/read?path=/data/sub/b"), (200, "1".into()));
    }
    drop(server);
    let server = serve().start();
    assert_eq!(ask(&server, "/read?path=/data/sub/b"), (200, "1".into()));
    assert_eq!(ask(&server, "/remove?path=/data/sub/b").0, 200);
    assert_eq!(ask(&server, "/list?path=/data/sub"), (200, String::new()));
}

/// `--data-dir`, and where the data of an app with `data = true` is without it.
#[test]
fn the_data_folder_is_where_the_command_line_says() {
    let folder = Folder::new("data-dir");
    let wasm = guests::USE_FILES.path();
    let asks = folder.write("asks.toml", "name = \"keeper\"\ndata = true\n");
    let (asks, typed) = (asks.to_str().unwrap(), folder.path("typed"));
    let typed_text = typed.to_str().unwrap();
    let program = Program::serve(wasm, &["--data-dir", typed_text]);
    let written = program.client().get("/write?path=/data/a&text=1");
    assert_eq!(written.status, 200, "{}", written.text());
    assert_eq!(fs::read_to_string(typed.join("a")).unwrap(), "1");
    drop(program);

    let mut command = wasgi_tests::wasgi();
    command
        .args(["serve", "--port", "0", "--manifest", asks])
        .arg(wasm)
        .env("WASGI_DATA_DIR", &typed);
    let program = Program::start(&mut command);
    assert_eq!(program.client().get("/read?path=/data/a").text(), "1");
    drop(program);

    let mut command = wasgi_tests::wasgi();
    command
        .args(["serve", "--port", "0", "--manifest", asks])
        .arg(wasm);
    complaint(&Process::start(&mut command).finished()).says(
        "has data, and a component has no folder",
        "`data = true`",
        "--data-dir",
    );
    // A file is in the way.
    let mut command = wasgi_tests::wasgi();
    command
        .args(["serve", "--port", "0", "--data-dir", asks])
        .arg(wasm);
    complaint(&Process::start(&mut command).finished()).says(
        "cannot make the data folder",
        "",
        "another one",
    );
}

/// SQLite's locks where there are none of the system's: a folder beside the database. Nobody is left to remove it
/// when an instance has ended in a transaction.
#[test]
fn the_locks_of_an_instance_go_with_it() {
    let folder = Folder::new("locks");
    let data = folder.path("data");
    let server = Serve::guest(guests::USE_FILES).data(&data).start();
    let make = |name: &str| assert_eq!(ask(&server, &format!("/make?path=/data/{name}")).0, 200);
    make("a.db.lock");
    make("b.db.lock");
    make("full.lock");
    make("ordinary");
    assert_eq!(ask(&server, "/unmake?path=/data/b.db.lock").0, 200);
    // Somebody else's now.
    fs::create_dir(data.join("b.db.lock")).unwrap();
    fs::write(data.join("full.lock/file"), "").unwrap();
    assert_eq!(ask(&server, "/trap").0, 500);
    let line = server.wait_line("was held when the instance ended: released");
    assert!(line.message.contains("a.db.lock"), "{line:?}");
    server.assert_serves();
    let exists = |name: &str| data.join(name).exists();
    assert!(!exists("a.db.lock"));
    assert!(exists("b.db.lock") && exists("full.lock/file") && exists("ordinary"));
}

/// A server that was killed could not; the next one does, unless another still uses the folder.
#[test]
fn the_locks_of_a_killed_server_are_released_by_the_next() {
    let folder = Folder::new("killed");
    let data = folder.path("data");
    let typed = data.to_str().unwrap().to_owned();
    let serve = || Program::serve(guests::USE_FILES.path(), &["--data-dir", &typed]);
    let lock = data.join("sub/a.db.lock");
    let killed = serve();
    fs::create_dir(data.join("sub")).unwrap();
    fs::write(data.join("sub/a.db"), "").unwrap();
    fs::create_dir_all(data.join("no-database.lock")).unwrap();
    let made = killed.client().get("/make?path=/data/sub/a.db.lock");
    assert_eq!(made.status, 200);
    // Dropping it kills it. Another one that uses the folder meanwhile leaves the lock alone.
    let other = serve();
    drop(killed);
    let second = serve();
    assert!(lock.exists());
    drop((other, second));
    let next = serve();
    assert!(!lock.exists() && data.join("no-database.lock").exists());
    next.wait_line("of a server that was killed: released");
}
