//! The rule for an app's name, and a legal name made out of an illegal one.
//!
//! The manifest and `wasgi new` ask here, so a name that one gives is a name that the other takes.

/// A name is a DNS label, because it will be one: `hello` may become `hello.example.org`.
const NAME_BYTES_MAX: usize = 63;

/// What is wrong with an app's name, if anything; it completes the sentence "`name` …".
pub fn name_problem(name: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let starts = name
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_lowercase());
    if name.is_empty() {
        Some("is empty".to_owned())
    } else if name.len() > NAME_BYTES_MAX {
        Some(format!("is longer than {NAME_BYTES_MAX} letters"))
    } else if !name.bytes().all(legal) {
        Some(format!(
            "may have only lowercase letters, digits and hyphens, and `{name}` has more"
        ))
    } else if !starts || name.ends_with('-') {
        Some(format!(
            "has to start with a letter and may not end with a hyphen, unlike `{name}`"
        ))
    } else {
        None
    }
}

/// The name that was probably meant, if something legal is left of it.
pub fn name_suggestion(name: &str) -> Option<String> {
    let lower = name.to_lowercase();
    let letters = lower.chars().map(|letter| {
        if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '-'
        }
    });
    let words: String = letters.collect();
    let words: Vec<_> = words.split('-').filter(|word| !word.is_empty()).collect();
    let joined = words.join("-");
    let start = joined.find(|letter: char| letter.is_ascii_lowercase())?;
    let mut legal = joined.get(start..)?.to_owned();
    legal.truncate(NAME_BYTES_MAX);
    let legal = legal.trim_end_matches('-').to_owned();
    name_problem(&legal).is_none().then_some(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggested_name_is_legal_or_absent() {
        for name in [
            "My App",
            "99 bottles",
            "__x__",
            "Über-uns",
            &"A-".repeat(80),
            "7",
            "",
            "日本",
        ] {
            if let Some(better) = name_suggestion(name) {
                assert_eq!(name_problem(&better), None, "{name} -> {better}");
            }
        }
        assert_eq!(name_suggestion("99 bottles"), Some("bottles".to_owned()));
        assert_eq!(name_suggestion("7"), None);
    }
}
