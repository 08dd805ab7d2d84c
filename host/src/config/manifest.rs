//! `wasgi.toml`, the file beside an app: who it is, how it is built, what it needs.
//!
//! `cli` loads it before it builds or serves a folder. Every key that is read here does something;
//! a key that we do not know is an error with a suggestion, so a typing error never becomes a
//! silent default. Limits stay *overrides* here: `config::limits` has the defaults and applies them.

use std::{collections::BTreeMap, fs, io, path::Path, time::Duration};

mod build;

pub use build::{Build, PythonBuild, RustBuild, app_problem, app_suggestion};

use super::{
    instances::InstanceOverrides,
    limits::Limits,
    name::{name_problem, name_suggestion},
    quantity::{self, DURATION_EXAMPLES, SIZE_EXAMPLES},
    table::{Document, Entry, Table},
};
use crate::error::{Error, Result};

/// The name of the file, in every app folder.
pub const FILE_NAME: &str = "wasgi.toml";

/// A manifest is read into memory whole; nobody writes one by hand that is larger than this.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What `wasgi.toml` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The app's name: lowercase letters, digits and hyphens.
    pub name: String,
    /// What the app is written in, and how it is built.
    pub build: Build,
    /// `data`: whether the app has a folder of its own that it may write to, `/data`.
    pub data: bool,
    /// The environment that the app sees, and nothing else of ours.
    pub env: BTreeMap<String, String>,
    /// What the app changes in the limits.
    pub limits: LimitOverrides,
    /// How its instances are used, how many there are, and when one has had its time.
    pub instances: InstanceOverrides,
}

/// `[limits]`: what the app asks to have changed. Sizes in bytes; `None` leaves the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitOverrides {
    /// `memory`: linear memory of one instance.
    pub memory: Option<u64>,
    /// `request_body`: the longest request body that is taken.
    pub request_body: Option<u64>,
    /// `max_concurrent_calls`: calls at the same time in one instance.
    pub max_concurrent_calls: Option<u32>,
    /// `max_queued_calls`: requests that wait for a place.
    pub max_queued_calls: Option<u32>,
    /// `queued`: how long each of them waits.
    pub queued: Option<Duration>,
    /// `cpu`: computing time of one request.
    pub cpu: Option<Duration>,
    /// `startup`: from the first instruction to `lifespan.startup.complete`.
    pub startup: Option<Duration>,
    /// `shutdown`: from `lifespan.shutdown` to the app's answer.
    pub shutdown: Option<Duration>,
    /// `first_response`: from the call to `http.response.start`.
    pub first_response: Option<Duration>,
    /// `request`: the whole request; there is no such limit unless it is asked for.
    pub request: Option<Duration>,
    /// `stalled_read`: the client sends nothing although the app waits for its body.
    pub stalled_read: Option<Duration>,
    /// `disconnect_grace`: from the client's leaving until the app is done with the call.
    pub disconnect_grace: Option<Duration>,
    /// `background`: work after the complete response.
    pub background: Option<Duration>,
    /// `drain`: what calls in flight get when the instance is to stop.
    pub drain: Option<Duration>,
    /// `max_websockets`: accepted WebSockets at the same time in one instance.
    pub max_websockets: Option<u32>,
    /// `websocket_message`: the longest WebSocket message, either way.
    pub websocket_message: Option<u64>,
    /// `websocket_accept`: from the handshake to the app's answer.
    pub websocket_accept: Option<Duration>,
}

impl Manifest {
    /// The manifest of an app that has no file: a name and nothing else.
    pub fn named(name: String) -> Self {
        Self {
            name,
            build: Build::default(),
            data: false,
            env: BTreeMap::new(),
            limits: LimitOverrides::default(),
            instances: InstanceOverrides::default(),
        }
    }

    /// Reads the manifest of the app in `folder`.
    ///
    /// # Errors
    /// When the folder or the file is not there or not readable, or when the file says something
    /// that we do not understand.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE_NAME);
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(absent(folder)),
            _ => Self::load_file(&path),
        }
    }

    /// Reads the manifest in this file, whatever it is called.
    ///
    /// # Errors
    /// When the file is not there or not readable, or when it says something that we do not
    /// understand.
    pub fn load_file(path: &Path) -> Result<Self> {
        Self::parse(path, &read(path)?)
    }

    /// Reads the manifest `text`; `path` is for messages.
    ///
    /// # Errors
    /// When the text says something that we do not understand.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let mut root = Document { path, text }.parse()?;
        let name = name(root.require("name", "for example `name = \"hello\"`")?)?;
        let build = Build::read(&mut root)?;
        let data = root.take("data").map_or(Ok(false), Entry::boolean)?;
        let env = section(&mut root, "env", env)?;
        let limits = section(&mut root, "limits", LimitOverrides::read)?;
        let memory = Limits::memory(&build, &limits);
        let instances = section(&mut root, "instances", |table| {
            InstanceOverrides::read(table, &limits, memory)
        })?;
        let manifest = Self {
            name,
            build,
            data,
            env,
            limits,
            instances,
        };
        root.finish()?;
        Ok(manifest)
    }
}

impl LimitOverrides {
    fn read(table: &mut Table<'_>) -> Result<Self> {
        Ok(Self {
            memory: size(table, "memory")?,
            request_body: size(table, "request_body")?,
            max_concurrent_calls: count(table, "max_concurrent_calls")?,
            max_queued_calls: count(table, "max_queued_calls")?,
            queued: duration(table, "queued")?,
            cpu: duration(table, "cpu")?,
            startup: duration(table, "startup")?,
            shutdown: duration(table, "shutdown")?,
            first_response: duration(table, "first_response")?,
            request: duration(table, "request")?,
            stalled_read: duration(table, "stalled_read")?,
            disconnect_grace: duration(table, "disconnect_grace")?,
            background: duration(table, "background")?,
            drain: duration(table, "drain")?,
            max_websockets: count(table, "max_websockets")?,
            websocket_message: size(table, "websocket_message")?,
            websocket_accept: duration(table, "websocket_accept")?,
        })
    }
}

fn read(path: &Path) -> Result<String> {
    let found = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if found.len() > FILE_BYTES_MAX {
        let what = format!("`{}` is larger than 1 MiB", path.display());
        return Err(Error::user(what).hint("a manifest is a short file; is this the right one?"));
    }
    fs::read_to_string(path).map_err(|error| unreadable(path, error))
}

fn absent(folder: &Path) -> Error {
    let shown = folder.display();
    if !folder.is_dir() {
        let hint = "give the folder of an app, or a component (`.wasm`)";
        return Error::user(format!("there is no folder `{shown}`")).hint(hint);
    }
    let what = format!("the folder `{shown}` has no `{FILE_NAME}`, so it is not an app");
    Error::user(what).hint(format!(
        "start a new app with `wasgi new`, or put a `{FILE_NAME}` there; the least that it can \
         say is `name = \"hello\"`"
    ))
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => "check who may read the file",
        io::ErrorKind::InvalidData => "the file has to be UTF-8 text",
        _ => "check that it is a file that you can read",
    };
    Error::user(format!("cannot read `{}`", path.display()))
        .because(error)
        .hint(hint)
}

fn name(entry: Entry<'_>) -> Result<String> {
    entry.checked(|name| match name_problem(name) {
        None => Ok(()),
        Some(problem) => {
            let hint = name_suggestion(name).unwrap_or_else(|| "hello".to_owned());
            Err((problem, format!("for example `name = \"{hint}\"`")))
        }
    })
}

fn env(table: &mut Table<'_>) -> Result<BTreeMap<String, String>> {
    let pairs = table.take_all().into_iter().map(|(key, entry)| {
        if key.is_empty() || key.contains(['=', '\0']) {
            return Err(entry
                .error("is not a name that an environment variable can have")
                .hint("a name has at least one character, and neither `=` nor NUL"));
        }
        let value = entry.checked(|value| match value.contains('\0') {
            true => Err((
                "has a NUL character in it".to_owned(),
                "take it out".to_owned(),
            )),
            false => Ok(()),
        })?;
        Ok((key, value))
    });
    pairs.collect()
}

fn section<T: Default>(
    root: &mut Table<'_>,
    key: &'static str,
    read: impl FnOnce(&mut Table<'_>) -> Result<T>,
) -> Result<T> {
    let Some(entry) = root.take(key) else {
        return Ok(T::default());
    };
    let mut table = entry.table()?;
    let value = read(&mut table)?;
    table.finish()?;
    Ok(value)
}

pub(super) fn size(table: &mut Table<'_>, key: &'static str) -> Result<Option<u64>> {
    let entry = table.take(key);
    entry
        .map(|entry| entry.parsed(SIZE_EXAMPLES, quantity::size))
        .transpose()
}

pub(super) fn duration(table: &mut Table<'_>, key: &'static str) -> Result<Option<Duration>> {
    let entry = table.take(key);
    entry
        .map(|entry| entry.parsed(DURATION_EXAMPLES, quantity::positive))
        .transpose()
}

fn count(table: &mut Table<'_>, key: &'static str) -> Result<Option<u32>> {
    table.take(key).map(|entry| entry.count(1)).transpose()
}

#[cfg(test)]
mod tests;
