//! What people configure: files and words in, plain values out.
//!
//! `cli` calls it once, at the door; everything behind the door takes plain values. It reads files
//! but starts nothing, and it never looks at flags or at the process's environment: `cli` does.

pub mod instances;
pub mod limits;
pub mod manifest;
mod name;
pub mod quantity;
mod table;

pub use instances::{Instances, Reuse};
pub use manifest::Manifest;
pub use name::{name_problem, name_suggestion};
pub use table::nearest;
