//! The apps and what they are asked.

use anyhow::ensure;
use bytes::Bytes;

use crate::requests::BODY;
use crate::tools::{Guest, Tools};
use crate::wire::{Exchange, Expected};

/// The folders of `benches/python/`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Raw,
    Starlette,
    FastApi,
}

/// The apps as components.
pub(crate) struct Apps {
    raw: Guest,
    starlette: Guest,
    fastapi: Guest,
}

/// One request to one app.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) app: Kind,
    pub(crate) connections: usize,
    pub(crate) exchange: Exchange,
    /// The rate to uvicorn's that we hold ourselves to.
    pub(crate) at_least: Option<f64>,
}

/// An upload.
const MIB: usize = 1024 * 1024;

/// What `raw` answers to it.
const MIB_TEXT: &[u8] = b"1048576";

/// What `raw` streams: 100 × 16 KiB.
const STREAM: usize = 100 * 16 * 1024;

/// What `fastapi` is asked, and what it answers.
const ITEM: (&str, &[u8]) = (
    "/items/7?q=hello&limit=5",
    br#"{"id":7,"name":"hello","price":7.5,"tags":["a","b"]}"#,
);

impl Kind {
    /// The simplest request first, then by what it stands on.
    pub(crate) const ALL: [Self; 3] = [Self::Raw, Self::Starlette, Self::FastApi];

    /// The name of its folder.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Starlette => "starlette",
            Self::FastApi => "fastapi",
        }
    }

    /// The request of a visitor: its path, and what is answered.
    pub(crate) fn visit(self) -> (&'static str, &'static [u8]) {
        match self {
            Self::Raw | Self::Starlette => ("/", BODY),
            Self::FastApi => ITEM,
        }
    }

    /// The same as an exchange.
    pub(crate) fn hello(self) -> Exchange {
        let (path, body) = self.visit();
        Exchange::get(path, body)
    }
}

impl Apps {
    /// Builds them with the release `wasgi build`.
    pub(crate) fn build(tools: &Tools) -> anyhow::Result<Self> {
        let app = |kind: Kind| tools.build(tools.benches.join("python").join(kind.name()), &[]);
        Ok(Self {
            raw: app(Kind::Raw)?,
            starlette: app(Kind::Starlette)?,
            fastapi: app(Kind::FastApi)?,
        })
    }

    pub(crate) fn of(&self, kind: Kind) -> &Guest {
        match kind {
            Kind::Raw => &self.raw,
            Kind::Starlette => &self.starlette,
            Kind::FastApi => &self.fastapi,
        }
    }
}

/// All workloads, or those whose names are wanted.
pub(crate) fn workloads(wanted: &[String]) -> anyhow::Result<Vec<Workload>> {
    let all = [
        hello("raw hello", Kind::Raw, 1.5),
        hello("starlette hello", Kind::Starlette, 1.0),
        hello("fastapi item", Kind::FastApi, 0.85),
        large("json echo", Kind::Starlette, 64, echo()),
        large("upload", Kind::Raw, 8, upload()),
        large("stream", Kind::Raw, 8, stream()),
    ];
    let names = all.each_ref().map(|one| one.name);
    let unknown = wanted.iter().find(|name| !names.contains(&name.as_str()));
    ensure!(
        unknown.is_none(),
        "there is no workload {unknown:?} among {names:?}"
    );
    let wants = |one: &Workload| wanted.is_empty() || wanted.iter().any(|name| name == one.name);
    Ok(all.into_iter().filter(wants).collect())
}

fn hello(name: &'static str, app: Kind, at_least: f64) -> Workload {
    Workload {
        name,
        app,
        connections: 64,
        exchange: app.hello(),
        at_least: Some(at_least),
    }
}

fn large(name: &'static str, app: Kind, connections: usize, exchange: Exchange) -> Workload {
    Workload {
        name,
        app,
        connections,
        exchange,
        at_least: None,
    }
}

/// JSON as `json.dumps` writes it without spaces, so that what comes back is what was sent.
fn echo() -> Exchange {
    let items = (0..98).map(|id| {
        format!(
            r#"{{"id":{id},"name":"item number {id}","price":{}.25,"stock":true,"note":null,"tags":["red","green","blue"]}}"#,
            id * 3
        )
    });
    let items: Vec<_> = items.collect();
    let json = Bytes::from(format!(r#"{{"items":[{}]}}"#, items.join(",")));
    Exchange {
        method: "POST",
        path: "/echo",
        upload: Some(("application/json", json.clone())),
        expected: Expected::Whole(json),
    }
}

fn upload() -> Exchange {
    Exchange {
        method: "POST",
        path: "/upload",
        upload: Some(("application/octet-stream", vec![b'.'; MIB].into())),
        expected: Expected::Whole(Bytes::from_static(MIB_TEXT)),
    }
}

fn stream() -> Exchange {
    Exchange {
        method: "GET",
        path: "/stream",
        upload: None,
        expected: Expected::Chunks(STREAM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_kibibytes_of_json() {
        let (_, json) = echo().upload.unwrap();
        assert!(json.len().abs_diff(10 * 1024) < 100, "{}", json.len());
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(value["items"].as_array().unwrap().len(), 98);
    }

    #[test]
    fn workloads_by_name() {
        assert_eq!(workloads(&[]).unwrap().len(), 6);
        let one = workloads(&["upload".to_owned()]).unwrap();
        assert!(matches!(&one[..], [upload] if upload.app == Kind::Raw));
        assert!(workloads(&["nothing".to_owned()]).is_err());
    }
}
