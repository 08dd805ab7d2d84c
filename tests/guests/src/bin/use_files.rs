//! Does with files what it is asked to: `/read`, `/list`, `/write`, `/remove`, `/open`, `/bomb` with `path` and more in
//! the query. An error is answered with 418 and its text.

use std::fs::{self, File};

use wasgi_guests::{number, query, text, unless_ok};
use wasgi_sdk::{Error, Receive, Scope, Send};

async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
    let Some(scope) = unless_ok(scope, &send).await? else {
        return Ok(());
    };
    let value = |name: &str| {
        let found = query(&scope).into_iter().find(|(key, _)| key == name);
        found.map_or(String::new(), |(_, value)| {
            String::from_utf8(value).unwrap()
        })
    };
    let path = value("path");
    let count = number(&scope, "count").unwrap_or(1);
    let done = match &*scope.path() {
        "/read" => fs::read_to_string(&path),
        "/list" => list(&path),
        "/write" => fs::write(&path, value("text")).map(|()| "written".to_owned()),
        "/remove" => fs::remove_file(&path).map(|()| "removed".to_owned()),
        "/rename" => fs::rename(&path, value("to")).map(|()| "renamed".to_owned()),
        "/link" => fs::hard_link(&path, value("to")).map(|()| "linked".to_owned()),
        "/make" => fs::create_dir(&path).map(|()| "made".to_owned()),
        "/unmake" => fs::remove_dir(&path).map(|()| "unmade".to_owned()),
        "/trap" => panic!("asked to"),
        "/touch" => touch(&path),
        "/modified" => modified(&path),
        "/open" => open(&path, count, |path| File::open(path)),
        "/listings" => open(&path, count, |path| fs::read_dir(path)),
        other => Ok(format!("what is {other}?")),
    };
    match done {
        Ok(said) => text(&send, 200, said).await,
        Err(error) => text(&send, 418, error.to_string()).await,
    }
}

fn list(path: &str) -> std::io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names.join(" "))
}

fn touch(path: &str) -> std::io::Result<String> {
    let time = std::time::SystemTime::UNIX_EPOCH;
    File::open(path)?.set_modified(time)?;
    Ok("touched".to_owned())
}

fn modified(path: &str) -> std::io::Result<String> {
    let modified = fs::metadata(path)?.modified()?;
    let since = modified.duration_since(std::time::SystemTime::UNIX_EPOCH);
    Ok(since.unwrap_or_default().as_secs().to_string())
}

/// How many of `count` could be open at once, and why not one more.
fn open<T>(
    path: &str,
    count: u64,
    open: impl Fn(&str) -> std::io::Result<T>,
) -> std::io::Result<String> {
    let mut opened = Vec::new();
    for _ in 0..count {
        match open(path) {
            Ok(file) => opened.push(file),
            Err(error) => return Ok(format!("{}: {error}", opened.len())),
        }
    }
    Ok(opened.len().to_string())
}

wasgi_sdk::app!(app);

fn main() {}
