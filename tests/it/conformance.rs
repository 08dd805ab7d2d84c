//! The conformance table: every line of the contract has a test that cites it, with a Rust guest and with a Python guest, or
//! a sentence that says why not.
//!
//! `tests/conformance/lines.toml` has the lines; the tests are found by reading their sources. A test stands for the ids in its
//! name, its documentation and its body, for those of the tables and helpers that it names, and for the one id that the head of its file names; `twins` in it means that it runs
//! with a guest of either language. `docs/conformance.md` is written from both (`make conformance`) and must be as it would be
//! written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::rc::Rc;

use serde::Deserialize;

use super::tidy::{files, root};

/// Set to write the page instead of checking it.
const UPDATE: &str = "WASGI_UPDATE_CONFORMANCE";

/// How many tests of a line the page names; it counts the rest.
const NAMED_MAX: usize = 3;

const SECTIONS: [(char, &str); 13] = [
    ('A', "Core"),
    ('H', "HTTP scope"),
    ('F', "Headers"),
    ('Q', "Request body"),
    ('R', "Response"),
    ('M', "Framing"),
    ('X', "App exits"),
    ('D', "Disconnect"),
    ('L', "Lifespan"),
    ('E', "Extensions"),
    ('P', "Request strictness"),
    ('T', "Deadlines"),
    ('W', "WebSocket"),
];

/// One line of the contract.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    says: String,
    before: Option<Before>,
    untested: Option<String>,
    rust: Option<String>,
    python: Option<String>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Before {
    Guest,
}

/// The tests that cite a line.
#[derive(Default)]
struct Tests {
    rust: BTreeSet<String>,
    python: BTreeSet<String>,
    units: BTreeSet<String>,
}

/// A function, a constant or a macro of a source file.
struct Item {
    module: String,
    /// The text of its file.
    file: Rc<str>,
    name: String,
    is_test: bool,
    cites: BTreeSet<String>,
    words: BTreeSet<String>,
}

fn lines() -> BTreeMap<String, Line> {
    let text = std::fs::read_to_string(root().join("tests/conformance/lines.toml")).unwrap();
    toml::from_str(&text).unwrap()
}

/// What looks like an id: a letter of ours, a hyphen and two digits, not inside a word. A dash between two of a letter stands
/// for those in between, too.
fn ids(text: &str) -> Vec<String> {
    let mut ids = Vec::<String>::new();
    let mut through = false;
    for word in
        text.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-')
    {
        let id = word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric());
        if is_id(id.as_bytes()) {
            let first = ids.last().filter(|_| through).cloned();
            ids.extend(first.iter().flat_map(|first| between(first, id)));
            ids.push(id.to_owned());
            through = word.ends_with('–');
        } else {
            // Between the backticks of two ids.
            through = (through && word == "`") || (word == "–" && !ids.is_empty());
        }
    }
    ids
}

/// The ids between two of one letter.
fn between(first: &str, last: &str) -> Vec<String> {
    let number = |id: &str| id.get(2..).and_then(|digits| digits.parse::<u8>().ok());
    let letters = (first.get(..2), last.get(..2));
    match (letters, number(first), number(last)) {
        ((Some(letter), Some(same)), Some(first), Some(last)) if letter == same => (first + 1
            ..last)
            .map(|number| format!("{letter}{number:02}"))
            .collect(),
        _ => Vec::new(),
    }
}

fn is_id(word: &[u8]) -> bool {
    let known = |letter: u8| {
        SECTIONS
            .iter()
            .any(|(section, _)| *section == char::from(letter))
    };
    matches!(word, [letter, b'-', tens, ones]
        if known(*letter) && tens.is_ascii_digit() && ones.is_ascii_digit())
}

/// The ids in a name such as `m02_m03_the_length_is_kept`.
fn ids_of_name(name: &str) -> impl Iterator<Item = String> {
    let ids = name.split('_').filter_map(|part| {
        let (letter, digits) = part.split_at_checked(1)?;
        Some(format!("{}-{digits}", letter.to_ascii_uppercase()))
    });
    ids.filter(|id| is_id(id.as_bytes()))
}

/// The items of a source file at one depth of indentation. What rustfmt has laid out needs no parser.
fn items(path: &Path, module: &str, depth: &str) -> Vec<Item> {
    let text = Rc::<str>::from(std::fs::read_to_string(path).unwrap());
    let subject: Vec<_> = text
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .flat_map(ids)
        .collect();
    let subject = match subject.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    let mut items = Vec::new();
    let mut above = String::new();
    let mut is_test = false;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(code) = line.strip_prefix(depth) else {
            above.clear();
            is_test = false;
            continue;
        };
        if code.starts_with("///") {
            above.push_str(code);
            above.push('\n');
        } else if code.starts_with("#[") {
            is_test |= code == "#[test]" || code.starts_with("#[tokio::test");
        } else if let Some(name) = name_of(code) {
            let mut body = String::from(code);
            // To the brace or bracket that ends it, which stands where it began.
            if !code.ends_with(';') && !code.ends_with('}') {
                for line in lines.by_ref() {
                    body.push('\n');
                    body.push_str(line);
                    let closing = line.strip_prefix(depth);
                    // A parenthesis may only end the arguments of a function.
                    let ends = |code: &str| {
                        code.starts_with(['}', ']'])
                            || (code.starts_with(')') && code.ends_with(';'))
                    };
                    if closing.is_some_and(ends) {
                        break;
                    }
                }
            }
            let cites = ids(&above).into_iter().chain(ids(&body));
            items.push(Item {
                module: module.to_owned(),
                file: text.clone(),
                cites: cites
                    .chain(ids_of_name(&name))
                    // Of a test only: other files may have something of a helper's name.
                    .chain(subject.clone().filter(|_| is_test))
                    .collect(),
                words: words(&body),
                is_test: std::mem::take(&mut is_test),
                name,
            });
            above.clear();
        } else {
            above.clear();
            is_test = false;
        }
    }
    items
}

fn words(body: &str) -> BTreeSet<String> {
    let words = body.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.map(str::to_owned).collect()
}

/// The name of the function, constant or macro that begins on this line.
fn name_of(code: &str) -> Option<String> {
    let mut words =
        code.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '!');
    loop {
        match words.next()? {
            "pub" | "crate" | "super" | "async" | "" => {}
            "fn" | "const" | "static" | "macro_rules!" => {
                return words
                    .find(|word| !word.is_empty() && *word != "mut")
                    .map(str::to_owned);
            }
            _ => return None,
        }
    }
}

/// The tests of every id: those at the front door by the language of their guest, and those of single parts.
fn tests() -> BTreeMap<String, Tests> {
    let mut tests = BTreeMap::<String, Tests>::new();
    let mut doors = Vec::new();
    let front = root().join("tests/it");
    for path in files(&["tests/it"], true) {
        let module = module(&front, &path);
        // This file names ids that it does not test.
        if module != "conformance" && module != "tidy" {
            doors.extend(items(&path, &module, ""));
        }
    }
    for (test, told) in told(&doors) {
        let name = format!("{}::{}", test.module, test.name);
        let twins = told.words.contains("twins");
        let python = twins || test.module.starts_with("python") || told.words.contains("python");
        let both = !test.module.starts_with("python") && told.words.contains("guests");
        let rust = twins || both || !python;
        for id in told.cites {
            let tests = tests.entry(id).or_default();
            if rust {
                tests.rust.insert(name.clone());
            }
            if python {
                tests.python.insert(name.clone());
            }
        }
    }
    let host = root().join("host/src");
    for path in files(&["host/src"], true) {
        let module = module(&host, &path);
        let depth = if module.ends_with("tests") {
            ""
        } else {
            "    "
        };
        let units = items(&path, &module, depth);
        for (test, told) in told(&units) {
            let name = format!("{}::{}", test.module, test.name);
            for id in told.cites {
                tests.entry(id).or_default().units.insert(name.clone());
            }
        }
    }
    tests
}

/// What a test says, with all that it names.
#[derive(Default)]
struct Told {
    cites: BTreeSet<String>,
    words: BTreeSet<String>,
}

/// The tests among some items, and what each says.
fn told(items: &[Item]) -> Vec<(&Item, Told)> {
    let mut helpers = BTreeMap::<&str, Vec<&Item>>::new();
    for item in items.iter().filter(|item| !item.is_test) {
        helpers.entry(&item.name).or_default().push(item);
    }
    let tests = items.iter().filter(|item| item.is_test);
    tests.map(|test| (test, tell(test, &helpers))).collect()
}

fn tell(test: &Item, helpers: &BTreeMap<&str, Vec<&Item>>) -> Told {
    let mut told = Told::default();
    let mut seen = BTreeSet::new();
    let mut open = vec![test];
    while let Some(item) = open.pop() {
        told.cites.extend(item.cites.iter().cloned());
        told.words.extend(item.words.iter().cloned());
        for named in item
            .words
            .iter()
            .filter_map(|word| helpers.get(word.as_str()))
        {
            // Of the same file, or of one that this file names.
            let near = |helper: &&&Item| helper.module == item.module;
            let named_here = |helper: &&&Item| item.file.contains(&format!("{}::", helper.module));
            let meant = named
                .iter()
                .find(near)
                .or_else(|| named.iter().find(named_here));
            let Some(meant) = meant else {
                continue;
            };
            if seen.insert((&meant.module, &meant.name)) {
                open.push(meant);
            }
        }
    }
    told
}

fn module(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap().with_extension("");
    let parts: Vec<_> = below
        .iter()
        .map(|part| part.to_str().unwrap())
        .filter(|part| *part != "mod")
        .collect();
    parts.join("::")
}

/// What is wrong with one line, if anything.
fn missing(id: &str, line: &Line, tests: &Tests) -> Option<String> {
    let (rust, python) = (!tests.rust.is_empty(), !tests.python.is_empty());
    if line.untested.is_some() {
        return (rust || python).then(|| format!("{id} has `untested`, and tests"));
    }
    if line.before == Some(Before::Guest) {
        return (!rust && !python).then(|| format!("{id} has no test"));
    }
    for (language, tested, why) in [("Rust", rust, &line.rust), ("Python", python, &line.python)] {
        if !tested && why.is_none() {
            return Some(format!("{id} has no test with a {language} guest"));
        }
        if tested && why.is_some() {
            return Some(format!(
                "{id} says why there is no test with a {language} guest, and there is one"
            ));
        }
    }
    None
}

fn page(lines: &BTreeMap<String, Line>, tests: &BTreeMap<String, Tests>) -> String {
    let mut page = String::from(
        "# Conformance: every line of HTTP and lifespan\n\n\
         <!-- Written by `make conformance` from tests/conformance/lines.toml and the tests. -->\n\n\
         There is no official conformance suite for ASGI. This page is ours: each line of the contract, what wasgi does, and the tests \
         that show it, with an app in Rust and with one in Python. They go through the front door: a socket, the server, a \
         compiled app. *Any* stands where the server decides before an app is asked. [The contract](contract.md) says what \
         differs from the letter of ASGI, and why.\n",
    );
    let none = Tests::default();
    for (section, title) in SECTIONS {
        let _ = write!(
            page,
            "\n## {title}\n\n| id | what wasgi does | shown by |\n|---|---|---|\n"
        );
        for (id, line) in lines.iter().filter(|(id, _)| id.starts_with(section)) {
            let tests = tests.get(id).unwrap_or(&none);
            let _ = writeln!(page, "| {id} | {} | {} |", line.says, shown(line, tests));
        }
    }
    page
}

fn shown(line: &Line, tests: &Tests) -> String {
    if let Some(why) = &line.untested {
        return format!("no test: {why}");
    }
    let any = line.before == Some(Before::Guest);
    let mut shown = Vec::new();
    for (language, tests, why) in [
        (if any { "Any" } else { "Rust" }, &tests.rust, &line.rust),
        ("Python", &tests.python, &line.python),
    ] {
        if let Some(why) = why {
            shown.push(format!("{language}: {why}"));
        } else if !tests.is_empty() {
            shown.push(format!("{language}: {}", names(tests)));
        }
    }
    shown.join("<br>")
}

fn names(tests: &BTreeSet<String>) -> String {
    let mut named: Vec<_> = tests
        .iter()
        .take(NAMED_MAX)
        .map(|name| format!("`{name}`"))
        .collect();
    if tests.len() > NAMED_MAX {
        named.push(format!("{} more", tests.len() - NAMED_MAX));
    }
    named.join(", ")
}

#[test]
fn every_line_has_a_test_or_a_reason() {
    let (lines, tests) = (lines(), tests());
    let none = Tests::default();
    let missing: Vec<_> = lines
        .iter()
        .filter_map(|(id, line)| missing(id, line, tests.get(id).unwrap_or(&none)))
        .collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_id_that_a_test_cites_is_a_line() {
    let lines = lines();
    let unknown: Vec<_> = tests()
        .into_iter()
        .filter(|(id, _)| !lines.contains_key(id))
        .map(|(id, tests)| {
            let cited: Vec<_> = [tests.rust, tests.python, tests.units]
                .into_iter()
                .flatten()
                .collect();
            format!("{id}, by {}", cited.join(", "))
        })
        .collect();
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn the_page_says_what_there_is() {
    let path = root().join("docs/conformance.md");
    let page = page(&lines(), &tests());
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, page).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/conformance.md is out of date: run `make conformance`"
    );
}

/// The table finds what it should find, and does not take a mention for a test.
#[test]
fn ids_are_found_where_they_stand() {
    let found = ids("`P-03`, X-01–X-03 (`L-08`–`L-10`) and XP-03, P-3, P-033, Z-01");
    let wanted = ["P-03", "X-01", "X-02", "X-03", "L-08", "L-09", "L-10"];
    assert_eq!(found, wanted);
    let named: Vec<_> = ids_of_name("m02_m03_the_length_is_kept_h2_a1").collect();
    assert_eq!(named, ["M-02", "M-03"]);
    assert_eq!(
        name_of("pub(crate) async fn ask(it: u8) {").as_deref(),
        Some("ask")
    );
    assert_eq!(name_of("const ROWS: &[Row] = &[").as_deref(), Some("ROWS"));
    assert_eq!(name_of("struct Row {"), None);
}
