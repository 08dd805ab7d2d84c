//! What we know about packages that are not pure Python: how they are built, why they are left out, why they cannot be had.
//!
//! `resolve` asks for each native package. A package that nothing is known about is tried with what works for most.

/// What to do about a native package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recipe {
    /// It does what the host does now, or only makes something faster: it is not installed, with a note.
    LeftOut,
    /// Build it from its sources, with these variables set for its build.
    Build {
        /// A switch of the package that leaves its C part out.
        env: &'static [(&'static str, &'static str)],
        /// Its build needs nothing that the tools do not have, so it needs no environment of its own.
        tools_suffice: bool,
    },
    /// It cannot work; why, and what to take instead.
    Impossible(&'static str, &'static str),
}

/// What is tried with a package that nothing is known about.
const TRY: Recipe = Recipe::Build {
    env: &[],
    tools_suffice: false,
};

/// Pure Rust, built by maturin.
const MATURIN: Recipe = Recipe::Build {
    env: &[],
    tools_suffice: true,
};

const fn without_c(env: &'static [(&'static str, &'static str)]) -> Recipe {
    Recipe::Build {
        env,
        tools_suffice: false,
    }
}

const SERVERS: &str =
    "it needs threads, processes or sockets of its own, which a sandboxed app does not have";
const C_CODE: &str = "it is written in C, and there is no recipe that compiles it for WebAssembly";

/// By normalised name.
const KNOWN: &[(&str, Recipe)] = &[
    // Servers and their engines: the host serves, reloads and parses HTTP.
    ("fastar", Recipe::LeftOut),
    ("granian", Recipe::LeftOut),
    ("hiredis", Recipe::LeftOut),
    ("httptools", Recipe::LeftOut),
    // Faster JSON, which `fastapi[all]` brings and FastAPI does without.
    ("orjson", Recipe::LeftOut),
    ("rignore", Recipe::LeftOut),
    ("ujson", Recipe::LeftOut),
    ("uvloop", Recipe::LeftOut),
    ("watchfiles", Recipe::LeftOut),
    ("watchdog", Recipe::LeftOut),
    // Rust.
    ("pydantic-core", MATURIN),
    ("rpds-py", MATURIN),
    // C parts that can be switched off.
    ("aiohttp", without_c(&[("AIOHTTP_NO_EXTENSIONS", "1")])),
    (
        "frozenlist",
        without_c(&[("FROZENLIST_NO_EXTENSIONS", "1")]),
    ),
    ("markupsafe", without_c(&[])),
    ("multidict", without_c(&[("MULTIDICT_NO_EXTENSIONS", "1")])),
    ("propcache", without_c(&[("PROPCACHE_NO_EXTENSIONS", "1")])),
    ("pyyaml", without_c(&[("PYYAML_FORCE_LIBYAML", "0")])),
    ("simplejson", without_c(&[("DISABLE_SPEEDUPS", "1")])),
    ("sqlalchemy", without_c(&[("DISABLE_SQLALCHEMY_CEXT", "1")])),
    ("tornado", without_c(&[("TORNADO_EXTENSION", "0")])),
    ("websockets", without_c(&[("BUILD_EXTENSION", "no")])),
    ("wrapt", without_c(&[("WRAPT_INSTALL_EXTENSIONS", "false")])),
    ("yarl", without_c(&[("YARL_NO_EXTENSIONS", "1")])),
    // What cannot be had.
    (
        "asyncpg",
        Recipe::Impossible(C_CODE, "`pg8000` is pure Python"),
    ),
    (
        "cryptography",
        Recipe::Impossible(
            "it contains OpenSSL",
            "for signed tokens `pyjwt` with HS256 needs no cryptography",
        ),
    ),
    ("eventlet", Recipe::Impossible(SERVERS, "use asyncio")),
    ("gevent", Recipe::Impossible(SERVERS, "use asyncio")),
    (
        "greenlet",
        Recipe::Impossible(
            "it switches stacks, which WebAssembly does not let a program do",
            "of SQLAlchemy, use the synchronous engine",
        ),
    ),
    (
        "grpcio",
        Recipe::Impossible(SERVERS, "use an HTTP interface of the service"),
    ),
    (
        "lxml",
        Recipe::Impossible(
            "it contains libxml2",
            "`xml.etree.ElementTree` is in the standard library",
        ),
    ),
    (
        "msgspec",
        Recipe::Impossible(C_CODE, "`pydantic` is compiled from Rust by wasgi"),
    ),
    (
        "mysqlclient",
        Recipe::Impossible(
            "it contains MySQL's client library",
            "`pymysql` is pure Python",
        ),
    ),
    (
        "numpy",
        Recipe::Impossible(C_CODE, "leave numerical work to a service"),
    ),
    (
        "pandas",
        Recipe::Impossible(C_CODE, "leave numerical work to a service"),
    ),
    (
        "pillow",
        Recipe::Impossible(C_CODE, "leave images to a service"),
    ),
    (
        "psycopg-binary",
        Recipe::Impossible("it contains libpq", "`pg8000` is pure Python"),
    ),
    (
        "psycopg-c",
        Recipe::Impossible("it contains libpq", "`pg8000` is pure Python"),
    ),
    (
        "psycopg2",
        Recipe::Impossible("it contains libpq", "`pg8000` is pure Python"),
    ),
    (
        "psycopg2-binary",
        Recipe::Impossible("it contains libpq", "`pg8000` is pure Python"),
    ),
    (
        "scipy",
        Recipe::Impossible(C_CODE, "leave numerical work to a service"),
    ),
    (
        "tokenizers",
        Recipe::Impossible("a part of it is written in C", "leave models to a service"),
    ),
    (
        "torch",
        Recipe::Impossible(C_CODE, "leave models to a service"),
    ),
];

/// What is to be done about the native package of this name.
pub(super) fn recipe(name: &str) -> Recipe {
    let name = normalized(name);
    let known = KNOWN.iter().find(|(known, _)| *known == name);
    known.map_or(TRY, |(_, recipe)| *recipe)
}

/// A name of a package as indexes compare it.
pub(super) fn normalized(name: &str) -> String {
    let mut words = name
        .split(['-', '_', '.'])
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase);
    let first = words.next().unwrap_or_default();
    words.fold(first, |name, word| format!("{name}-{word}"))
}

/// All of it as text, for digests: a changed recipe builds again.
pub(super) fn described() -> String {
    format!("{KNOWN:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_found_however_its_name_is_written() {
        assert_eq!(normalized("Pydantic__Core"), "pydantic-core");
        assert_eq!(recipe("pydantic_core"), MATURIN);
        assert_eq!(recipe("MarkupSafe"), without_c(&[]));
        assert_eq!(recipe("never-heard-of"), TRY);
    }

    #[test]
    fn every_known_name_is_written_as_indexes_compare_it_and_once() {
        for (at, (name, _)) in KNOWN.iter().enumerate() {
            assert_eq!(normalized(name), *name);
            assert!(
                !KNOWN.iter().skip(at + 1).any(|(other, _)| other == name),
                "{name}"
            );
        }
    }
}
