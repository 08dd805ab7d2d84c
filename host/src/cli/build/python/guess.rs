//! Guesses which module of a folder has the app in it, for hints. It looks at names and lines; it runs nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where apps usually are.
const FILES: [&str; 10] = [
    "main.py",
    "app.py",
    "asgi.py",
    "server.py",
    "api.py",
    "application.py",
    "app/main.py",
    "src/main.py",
    "app/__init__.py",
    "src/app.py",
];

/// What makes an app, as it stands right of `=`.
const MAKERS: [&str; 10] = [
    "FastAPI(",
    "Starlette(",
    "Quart(",
    "Litestar(",
    "Sanic(",
    "BlackSheep(",
    "falcon.asgi.App(",
    "get_asgi_application(",
    "socketio.ASGIApp(",
    "ProtocolTypeRouter(",
];

/// A module has to be read to be looked at; apps are not large.
const BYTES_MAX: u64 = 1024 * 1024;

/// `module:attribute` of the app in a folder, if there is one that looks like it.
pub(crate) fn guess(folder: &Path) -> Option<String> {
    FILES.iter().find_map(|file| {
        let attribute = guess_attribute(&folder.join(file))?;
        let module = file.strip_suffix(".py")?.replace('/', ".");
        let module = module.strip_suffix(".__init__").unwrap_or(&module);
        Some(format!("{module}:{attribute}"))
    })
}

/// The name of the app in a file of Python, if something in it looks like one.
pub(crate) fn guess_attribute(file: &Path) -> Option<String> {
    let path: PathBuf = file.to_owned();
    if fs::metadata(&path).ok()?.len() > BYTES_MAX {
        return None;
    }
    let text = fs::read_to_string(path).ok()?;
    text.lines()
        .find_map(|line| assigned(line).or_else(|| defined(line)))
}

/// `app = FastAPI(...)`, `app: Starlette = Starlette(...)`.
fn assigned(line: &str) -> Option<String> {
    let (left, right) = line.split_once('=')?;
    let right = right.trim_start();
    let makes = MAKERS.iter().any(|maker| {
        right.starts_with(maker)
            || right
                .split_once('.')
                .is_some_and(|(_, rest)| rest.starts_with(maker))
    });
    let name = left.split(':').next()?.trim_end();
    (makes && is_name(name)).then(|| name.to_owned())
}

/// `async def app(scope, receive, send):`.
fn defined(line: &str) -> Option<String> {
    let rest = line.strip_prefix("async def ")?;
    let (name, arguments) = rest.split_once('(')?;
    (arguments.trim_start().starts_with("scope") && is_name(name)).then(|| name.to_owned())
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_known_by_its_line() {
        for (line, name) in [
            ("app = FastAPI()", "app"),
            ("api: fastapi.FastAPI = fastapi.FastAPI(title=\"x\")", "api"),
            ("application = get_asgi_application()", "application"),
            ("async def raw(scope, receive, send):", "raw"),
            (
                "async def app(scope: Scope, receive: Receive, send: Send) -> None:",
                "app",
            ),
        ] {
            let found = assigned(line).or_else(|| defined(line));
            assert_eq!(found.as_deref(), Some(name), "{line}");
        }
        for line in [
            "    app = FastAPI()",
            "x = 1",
            "async def get(request):",
            "# app = FastAPI()",
            "a.b = FastAPI()",
        ] {
            assert_eq!(assigned(line).or_else(|| defined(line)), None, "{line}");
        }
    }
}
