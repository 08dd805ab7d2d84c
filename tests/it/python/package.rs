//! The tests of the Python package itself, run by pytest inside an instance: `guest-sdk/python/tests` through
//! `tests/python/package`, which has a link to them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use wasgi_tests::{Folder, Serve};

/// What cannot run in an instance, and why.
const SKIPPED: &[(&str, &str)] = &[(
    "loop/test_threads.py::test_nothing_is_imported_by_installing",
    "an instance has no processes",
)];

/// Fewer than this many tests would mean that pytest has not found them.
const PASSED_MIN: usize = 200;

/// Every test passes, and only those are left out that are meant to be.
#[test]
fn the_packages_own_tests_pass() {
    let data = Folder::new("package-tests");
    let server = Serve::python("package")
        .data(&data.path("."))
        // A request here is a file of tests.
        .limit("cpu", "2 min")
        .start();
    let mut client = server.client();

    let files = client.get("/").text();
    let files: Vec<String> = serde_json::from_str(&files).expect("a list of files");
    let rooms: BTreeSet<_> = files
        .iter()
        .filter_map(|file| file.split('/').next())
        .collect();
    assert_eq!(rooms, BTreeSet::from(["bridge", "build", "loop"]));

    let (mut passed, mut wrong, mut skipped) = (0, Vec::new(), BTreeMap::new());
    for file in &files {
        let response = client.get(&format!("/{file}"));
        let found: Value = serde_json::from_str(&response.text())
            .unwrap_or_else(|error| panic!("{file}: {} {error}", response.status));
        let texts = |of: &str| found[of].as_object().cloned().unwrap_or_default();
        for (test, text) in texts("failed") {
            wrong.push(format!("{test}:\n{}", text.as_str().unwrap_or_default()));
        }
        for (test, why) in texts("skipped") {
            skipped.insert(test, why.as_str().unwrap_or_default().to_owned());
        }
        // Anything but 0 says that something failed, or that there was nothing to run.
        if found["status"] != 0 && texts("failed").is_empty() {
            wrong.push(format!("{file}: pytest ended with {}", found["status"]));
        }
        passed += found["passed"].as_array().map_or(0, Vec::len);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let skipped: Vec<_> = skipped
        .iter()
        .map(|(test, why)| (test.as_str(), why.trim_start_matches("Skipped: ")))
        .collect();
    assert_eq!(skipped, SKIPPED);
    assert!(passed >= PASSED_MIN, "only {passed} tests ran");
}
