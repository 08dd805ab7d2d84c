//! What holds for a guest in any language: one function for each behaviour, which a test of each language calls.
//!
//! A behaviour takes a server that runs (its caller has set what limits it needs) and the target at which the guest behaves
//! so. Whatever a language says in its own words, such as a line that it prints, is a further argument: what is asserted here
//! is asserted of every guest. It cites the ids that it proves.
//!
//! The tests are in the module of the same subject, for Rust in `tests/it/` and for Python in `tests/it/python/`. A language
//! more is a module more of such calls. A behaviour more is a function here and a call in each of them; what only one
//! language has (an exception that is no trap) is a test of that language alone.
//!
//! Where the guests of all languages take the same targets (`crate::twins`), one test goes through all of them instead.

pub(crate) mod bodies;
pub(crate) mod exits;
pub(crate) mod leaving;
pub(crate) mod limits;
pub(crate) mod responses;
