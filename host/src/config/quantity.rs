//! Sizes and durations as people write them: `128 MiB`, `1.5 GiB`, `30 s`, `250 ms`.
//!
//! The manifest and the flags of the command line read them through here. A unit is always asked
//! for, because `memory = 128` can be read in three ways. Binary and decimal units both exist and
//! mean what the standards say: `1 kB` is 1,000 bytes, `1 KiB` is 1,024.

use std::time::Duration;

/// What a size may look like, for messages.
pub const SIZE_EXAMPLES: &str = "`512 KiB`, `128 MiB` or `1.5 GiB`";

/// What a duration may look like, for messages.
pub const DURATION_EXAMPLES: &str = "`250 ms`, `30 s`, `5 min` or `1 h`";

const SIZES: [(&str, f64); 7] = [
    ("B", 1.0),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("KiB", 1024.0),
    ("MiB", 1024.0 * 1024.0),
    ("GiB", 1024.0 * 1024.0 * 1024.0),
];

const DURATIONS: [(&str, f64); 4] = [("ms", 1e-3), ("s", 1.0), ("min", 60.0), ("h", 3600.0)];

/// More than this is a mistake in every size that we ask for: 1 TiB.
const SIZE_MAX: f64 = 1024.0 * 1024.0 * 1024.0 * 1024.0;

/// More than this is a mistake in every duration that we ask for: one year, in seconds.
const DURATION_MAX: f64 = 365.0 * 24.0 * 3600.0;

/// Reads a size in bytes. The message of an error completes the sentence "`memory` …".
///
/// # Errors
/// When there is no number, no unit, an unknown unit, part of a byte, or more than 1 TiB.
pub fn size(text: &str) -> Result<u64, String> {
    let bytes = scaled(text, &SIZES, SIZE_EXAMPLES)?;
    if bytes.fract() != 0.0 {
        return Err(format!("is not a whole number of bytes: `{text}`"));
    }
    if bytes > SIZE_MAX {
        return Err(format!("is more than 1 TiB: `{text}`"));
    }
    // In range and whole, both checked above.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above"
    )]
    Ok(bytes as u64)
}

/// Reads a duration that is more than nothing.
///
/// # Errors
/// As [`duration`], and when it is zero.
pub fn positive(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("has to be more than nothing".to_owned()),
        duration => Ok(duration),
    }
}

/// Reads a duration. The message of an error completes the sentence "`startup` …".
///
/// # Errors
/// When there is no number, no unit, an unknown unit, or more than a year.
pub fn duration(text: &str) -> Result<Duration, String> {
    let seconds = scaled(text, &DURATIONS, DURATION_EXAMPLES)?;
    if seconds > DURATION_MAX {
        return Err(format!("is more than a year: `{text}`"));
    }
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("is not a duration: {error}"))
}

/// Splits `<number> <unit>` and multiplies. Digits and one point only: no sign, no exponent.
fn scaled(text: &str, units: &[(&str, f64)], examples: &str) -> Result<f64, String> {
    let trimmed = text.trim();
    let end = trimmed
        .find(|character: char| !character.is_ascii_digit() && character != '.')
        .unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(end);
    let unit = unit.trim_start();
    let value: f64 = match number.parse() {
        Ok(value) if !number.starts_with('.') && !number.ends_with('.') => value,
        _ => return Err(format!("has to look like {examples}, not `{text}`")),
    };
    if unit.is_empty() {
        return Err(format!("needs a unit, like {examples}, not `{text}`"));
    }
    match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => Ok(value * factor),
        None => {
            let names: Vec<_> = units.iter().map(|(name, _)| *name).collect();
            let known = names.join(", ");
            let near = units
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(unit));
            let near = near.map(|(name, _)| format!("; did you mean `{number} {name}`?"));
            let near = near.unwrap_or_default();
            Err(format!(
                "has the unknown unit `{unit}` (known: {known}){near}"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_need_a_unit_and_mean_what_it_says() {
        assert_eq!(size("128 MiB"), Ok(128 << 20));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("1.5 GiB"), Ok(3 << 29));
        assert_eq!(size("1 kB"), Ok(1_000));
        assert_eq!(size("0 B"), Ok(0));
    }

    #[test]
    fn a_size_that_could_be_read_in_two_ways_is_refused_with_an_example() {
        for text in ["128", "MiB", "", "-1 MiB", "1. MiB", ".5 MiB", "1.2.3 MiB"] {
            let message = size(text).expect_err(text);
            assert!(message.contains("`128 MiB`"), "{text}: {message}");
        }
        assert!(
            size("1e3 B")
                .expect_err("exponent")
                .contains("unknown unit `e3 B`")
        );
        assert_eq!(
            size("0.3 B").expect_err("part"),
            "is not a whole number of bytes: `0.3 B`"
        );
        assert!(
            size("5000 GiB")
                .expect_err("large")
                .contains("more than 1 TiB")
        );
        assert!(
            size("1 mib")
                .expect_err("unit")
                .contains("did you mean `1 MiB`?")
        );
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("250 ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1.5 min"), Ok(Duration::from_secs(90)));
        assert!(
            duration("30")
                .expect_err("unit")
                .contains("needs a unit, like `250 ms`")
        );
        assert!(
            duration("30 sec")
                .expect_err("unit")
                .contains("unknown unit `sec`")
        );
        assert!(
            duration("99999 h")
                .expect_err("large")
                .contains("more than a year")
        );
        let digits = "9".repeat(400);
        assert!(duration(&format!("{digits} s")).is_err());
        assert!(size(&format!("{digits} B")).is_err());
    }
}
