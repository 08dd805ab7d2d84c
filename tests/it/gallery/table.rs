//! `docs/hostile-guests.md` names every exhibit: the guest's file and the test that shows it.

use std::collections::BTreeSet;
use std::fs;

use crate::tidy::{files, root};

/// Every test of the gallery stands in the table, and every guest that the table names is there; they are many.
#[test]
fn every_exhibit_stands_in_the_table() {
    let page = fs::read_to_string(root().join("docs/hostile-guests.md")).unwrap();
    let words: BTreeSet<&str> = page.split('`').collect();
    let mut missing = Vec::new();
    for path in files(&["tests/it/gallery"], true) {
        let source = fs::read_to_string(&path).unwrap();
        let mut lines = source.lines();
        while let Some(line) = lines.next() {
            if line.trim() == "#[test]" {
                let function = lines.next().unwrap_or_default();
                let name = function
                    .split_once("fn ")
                    .and_then(|(_, rest)| rest.split_once('('));
                let name = name.expect("a test").0.to_owned();
                if !words.contains(&*name) && path.file_stem().is_some_and(|stem| stem != "table") {
                    missing.push(name);
                }
            }
        }
    }
    assert!(
        missing.is_empty(),
        "docs/hostile-guests.md does not name {missing:#?}"
    );
    let guests = root().join("tests/guests");
    let exhibits: BTreeSet<_> = words
        .iter()
        .filter(|word| {
            guests.join("src/bin").join(format!("{word}.rs")).is_file()
                || guests.join("wat").join(format!("{word}.wat")).is_file()
        })
        .collect();
    assert!(
        exhibits.len() >= 50,
        "only {} exhibits: {exhibits:?}",
        exhibits.len()
    );
    for wat in fs::read_dir(guests.join("wat")).unwrap() {
        let path = wat.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            path.is_dir() || words.contains(&*name),
            "nothing is said of {name}.wat"
        );
    }
}
