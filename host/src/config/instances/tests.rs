//! `[instances]`: what it says when all is well, and what we say when it is not.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::config::Manifest;
use crate::config::limits::Limits;

const S: Duration = Duration::from_secs(1);

fn parse(lines: &str) -> Result<Instances> {
    let text = format!("name = \"a\"\n[limits]\nmemory = \"64 MiB\"\n{lines}\n");
    let manifest = Manifest::parse(Path::new("wasgi.toml"), &text)?;
    Ok(Limits::of(&manifest).instances)
}

#[track_caller]
fn instances(lines: &str) -> Instances {
    parse(&format!("[instances]\n{lines}")).expect(lines)
}

/// The message and the hint for lines that are refused.
#[track_caller]
fn refusal(lines: &str) -> String {
    let error = parse(lines).expect_err(lines);
    format!("{error} ({})", error.hint_text().unwrap_or_default())
}

#[test]
fn without_a_word_there_is_one_for_ever() {
    let one = instances("");
    assert_eq!(one, parse("").expect("nothing at all"));
    assert_eq!((one.reuse, one.min, one.max), (Reuse::Concurrent, 1, 1));
    assert_eq!(
        (one.calls_max, one.age_max, one.memory_mark),
        (None, None, None)
    );
}

#[test]
fn everything_that_can_be_said_arrives() {
    let all = instances(
        "reuse = \"serial\"\nmax_calls_per_instance = 1_000\nmax_instance_age = \"1 h\"\nmax_memory = \"32 MiB\"\n\
         min_instances = 0\nmax_instances = 8\nidle = \"5 s\"",
    );
    let expected = Instances {
        reuse: Reuse::Serial,
        calls_max: Some(1000),
        age_max: Some(3600 * S),
        memory_mark: Some(32 << 20),
        min: 0,
        max: 8,
        idle: 5 * S,
    };
    assert_eq!(all, expected);
}

#[test]
fn a_bound_that_is_named_moves_the_other_one_out_of_the_way() {
    let bounds = |lines| {
        let it = instances(lines);
        (it.min, it.max)
    };
    assert_eq!(bounds("max_instances = 8"), (1, 8));
    assert_eq!(bounds("min_instances = 4"), (4, 4));
    assert_eq!(bounds("min_instances = 0"), (0, 1));
    assert_eq!(bounds("reuse = \"serial\""), (1, 16));
    assert_eq!(bounds("reuse = \"serial\"\nmin_instances = 20"), (20, 20));
    assert_eq!(bounds("reuse = \"isolated\""), (2, 64));
    assert_eq!(bounds("reuse = \"isolated\"\nmax_instances = 1"), (1, 1));
}

#[test]
fn workers_are_exactly_so_many() {
    let text = "name = \"a\"\n[instances]\nmin_instances = 0\nmax_instances = 8\nidle = \"1 s\"";
    let mut manifest = Manifest::parse(Path::new("wasgi.toml"), text).expect("a manifest");
    manifest.instances.set_workers(3);
    let instances = Limits::of(&manifest).instances;
    assert_eq!((instances.min, instances.max), (3, 3));
}

#[test]
fn a_word_that_is_nearly_right_gets_a_suggestion() {
    let refused = refusal("[instances]\nreuse = \"concurent\"");
    assert!(
        refused.contains("line 5") && refused.contains("did you mean `concurrent`?"),
        "{refused}"
    );
    assert!(
        refused.contains("`concurrent`, `serial`, `isolated`"),
        "{refused}"
    );
    let refused = refusal("[instances]\nmax_instance = 1");
    assert!(
        refused.contains("did you mean `max_instances`?"),
        "{refused}"
    );
    assert!(refusal("[instances]\nreuse = 1").contains("a string"));
}

#[test]
fn numbers_have_a_range() {
    for (lines, range) in [
        ("max_instances = 0", "from 1 to 1024"),
        ("max_instances = 1025", "from 1 to 1024"),
        ("min_instances = -1", "from 0 to 1024"),
        ("max_calls_per_instance = 0", "from 1 to 4294967295"),
        ("max_instance_age = \"0 s\"", "more than nothing"),
        ("max_instance_age = 60", "a string with a unit"),
        ("idle = \"0 s\"", "more than nothing"),
        ("max_memory = \"32\"", "needs a unit"),
    ] {
        let refused = refusal(&format!("[instances]\n{lines}"));
        assert!(refused.contains(range), "{lines}: {refused}");
    }
}

#[test]
fn what_contradicts_itself_says_why() {
    for (lines, why) in [
        (
            "min_instances = 3\nmax_instances = 2",
            "more than `max_instances` 2",
        ),
        ("idle = \"1 s\"", "are both 1"),
        (
            "min_instances = 2\nmax_instances = 2\nidle = \"1 s\"",
            "are both 2",
        ),
        ("max_memory = \"64 MiB\"", "cannot have more than 67108864"),
        (
            "reuse = \"isolated\"\nmax_calls_per_instance = 10",
            "after its first call",
        ),
        (
            "reuse = \"isolated\"\nmax_memory = \"1 MiB\"",
            "after its first call",
        ),
    ] {
        let refused = refusal(&format!("[instances]\n{lines}"));
        assert!(refused.contains(why), "{lines}: {refused}");
    }
    for key in ["max_concurrent_calls", "max_websockets"] {
        let refused = refusal(&format!("{key} = 2\n[instances]\nreuse = \"serial\""));
        assert!(
            refused.contains(key) && refused.contains("`max_instances` says how many"),
            "{refused}"
        );
        parse(&format!("{key} = 1\n[instances]\nreuse = \"serial\"")).expect("one is what it is");
        parse(&format!("{key} = 2\n[instances]\nreuse = \"concurrent\"")).expect("two are fine");
    }
}

#[test]
fn how_many_there_are_can_be_read_aloud() {
    let words = |lines| instances(lines).count();
    assert_eq!(words(""), "1 instance");
    assert_eq!(words("min_instances = 3"), "3 instances");
    assert_eq!(words("min_instances = 0"), "0 or 1 instances");
    assert_eq!(words("max_instances = 8"), "1 to 8 instances");
    assert_eq!(
        words("reuse = \"isolated\""),
        "an instance for each request, 64 at a time"
    );
}
