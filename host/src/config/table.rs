//! A TOML table that is read strictly: every key is asked for by name, whatever is left is an error.
//!
//! The readers of our files (today the manifest) walk their tables with it. It owns the wording of
//! errors about keys: file, line, what is wrong, and a suggestion. The list of known keys is the
//! list of keys that were asked for, so the two can never disagree. It knows no key itself.

use std::path::Path;

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use crate::error::{Error, Result};

/// A file that was parsed, and its text, to name lines in it.
#[derive(Clone, Copy)]
pub(crate) struct Document<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

/// One table of the document, with what has not been asked for yet.
pub(crate) struct Table<'a> {
    document: Document<'a>,
    /// The table's own name, empty at the top of the file.
    name: String,
    entries: DeTable<'a>,
    known: Vec<&'static str>,
    line: usize,
}

/// One value and where it stands.
pub(crate) struct Entry<'a> {
    document: Document<'a>,
    key: String,
    line: usize,
    value: DeValue<'a>,
}

impl<'a> Document<'a> {
    /// The whole file as a table.
    ///
    /// # Errors
    /// When the text is not TOML.
    pub(crate) fn parse(self) -> Result<Table<'a>> {
        let root = DeTable::parse(self.text).map_err(|error| {
            let line = self.line(error.span().map_or(0, |span| span.start));
            Error::user(self.at(line, "is not valid TOML"))
                .because(error.message().to_owned())
                .hint(
                    "a line is `key = \"value\"`, a section is `[limits]`; more at https://toml.io",
                )
        })?;
        Ok(Table {
            document: self,
            name: String::new(),
            entries: root.into_inner(),
            known: Vec::new(),
            line: 1,
        })
    }

    fn line(self, offset: usize) -> usize {
        let before = self.text.bytes().take(offset);
        before.filter(|byte| *byte == b'\n').count() + 1
    }

    fn at(self, line: usize, what: &str) -> String {
        format!("{}, line {line}: {what}", self.path.display())
    }
}

impl<'a> Table<'a> {
    /// Takes the value of `key`, if the table has one.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<Entry<'a>> {
        self.known.push(key);
        let (spanned, value) = self.entries.remove_entry(key)?;
        Some(self.entry(&spanned, value))
    }

    /// Takes the value of a key that belongs somewhere else, so that a message can say where. It is no key of this table.
    pub(crate) fn take_foreign(&mut self, key: &str) -> Option<Entry<'a>> {
        let (spanned, value) = self.entries.remove_entry(key)?;
        Some(self.entry(&spanned, value))
    }

    /// Takes the value of `key`.
    ///
    /// # Errors
    /// When the table has none; `hint` says what it could be.
    pub(crate) fn require(&mut self, key: &'static str, hint: &str) -> Result<Entry<'a>> {
        let (document, line, place) = (self.document, self.line, self.place());
        self.take(key).ok_or_else(|| {
            let what = document.at(line, &format!("the key `{key}` is missing{place}"));
            Error::user(what).hint(hint)
        })
    }

    /// Takes everything that is left, for tables whose keys belong to the user.
    pub(crate) fn take_all(&mut self) -> Vec<(String, Entry<'a>)> {
        let entries = std::mem::take(&mut self.entries);
        let named = |(key, value): (Spanned<DeString<'a>>, _)| {
            (key.get_ref().to_string(), self.entry(&key, value))
        };
        entries.into_iter().map(named).collect()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// When a key is left that nobody asked for.
    pub(crate) fn finish(self) -> Result<()> {
        // The first in the file, not in the alphabet.
        let first = self.entries.keys().min_by_key(|key| key.span().start);
        let Some(unknown) = first else { return Ok(()) };
        let line = self.document.line(unknown.span().start);
        let key = unknown.get_ref();
        let what = format!("unknown key `{key}`{}", self.place());
        let known = self.known.join("`, `");
        let all = format!("the keys{} are `{known}`", self.place());
        let hint = match nearest(key, &self.known) {
            Some(near) => format!("did you mean `{near}`? ({all})"),
            None => all,
        };
        Err(Error::user(self.document.at(line, &what)).hint(hint))
    }

    /// An error about the table as a whole; `why` completes the sentence "`instances` …".
    pub(crate) fn error(&self, why: &str) -> Error {
        let what = format!("`{}` {why}", self.name);
        Error::user(self.document.at(self.line, &what))
    }

    fn entry(&self, key: &Spanned<DeString<'a>>, value: Spanned<DeValue<'a>>) -> Entry<'a> {
        Entry {
            document: self.document,
            key: dotted(&self.name, key.get_ref()),
            line: self.document.line(key.span().start),
            value: value.into_inner(),
        }
    }

    fn place(&self) -> String {
        if self.name.is_empty() {
            String::new()
        } else {
            format!(" in `[{}]`", self.name)
        }
    }
}

impl<'a> Entry<'a> {
    /// The value as text.
    pub(crate) fn string(self) -> Result<String> {
        match self.value {
            DeValue::String(text) => Ok(text.into_owned()),
            _ => Err(self.wrong("a string", "put it in quotes")),
        }
    }

    /// The value as a text that `check` agrees to; its error is (completes "`key` …", the hint).
    pub(crate) fn checked(
        self,
        check: impl FnOnce(&str) -> Result<(), (String, String)>,
    ) -> Result<String> {
        let DeValue::String(text) = &self.value else {
            return Err(self.wrong("a string", "put it in quotes"));
        };
        match check(text) {
            Ok(()) => Ok(text.to_string()),
            Err((why, hint)) => Err(self.error(&why).hint(hint)),
        }
    }

    /// The value as a list of texts.
    pub(crate) fn strings(self) -> Result<Vec<String>> {
        let DeValue::Array(items) = &self.value else {
            return Err(self.wrong("a list of strings", "write `[\"one\", \"two\"]`"));
        };
        let texts = items.iter().map(|item| match item.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            _ => Err(self.wrong("a list of strings", "put each item in quotes")),
        });
        texts.collect()
    }

    /// The value as a list of texts in which `problem` finds none; what it finds is (completes "`key` …", the hint).
    pub(crate) fn each(
        self,
        problem: impl Fn(&str) -> Option<(String, String)>,
    ) -> Result<Vec<String>> {
        let (document, key, line) = (self.document, self.key.clone(), self.line);
        let texts = self.strings()?;
        match texts.iter().find_map(|text| problem(text)) {
            None => Ok(texts),
            Some((why, hint)) => {
                Err(Error::user(document.at(line, &format!("`{key}` {why}"))).hint(hint))
            }
        }
    }

    /// The value as a boolean.
    pub(crate) fn boolean(self) -> Result<bool> {
        match self.value {
            DeValue::Boolean(value) => Ok(value),
            _ => Err(self.wrong("a boolean", "write `true` or `false`")),
        }
    }

    /// The value as a whole number of `min` or more.
    pub(crate) fn count(self, min: u32) -> Result<u32> {
        self.count_within(min, u32::MAX)
    }

    /// The value as a whole number from `min` to `max`.
    pub(crate) fn count_within(self, min: u32, max: u32) -> Result<u32> {
        let number = match &self.value {
            DeValue::Integer(digits) => u32::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        match number.filter(|number| (min..=max).contains(number)) {
            Some(number) => Ok(number),
            None => {
                let range = format!("a whole number from {min} to {max}");
                Err(self.wrong(&range, "write it without quotes"))
            }
        }
    }

    /// The value as a text which `read` understands; its error completes "`key` …".
    pub(crate) fn parsed<T>(
        self,
        examples: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T> {
        let DeValue::String(text) = &self.value else {
            return Err(self.wrong("a string with a unit", &format!("for example {examples}")));
        };
        read(text).map_err(|why| self.error(&why).hint(format!("for example {examples}")))
    }

    /// The value as a table of its own.
    pub(crate) fn table(self) -> Result<Table<'a>> {
        match self.value {
            DeValue::Table(entries) => Ok(Table {
                document: self.document,
                name: self.key,
                entries,
                known: Vec::new(),
                line: self.line,
            }),
            _ => {
                let hint = format!("write `[{}]` on a line of its own", self.key);
                Err(self.wrong("a table", &hint))
            }
        }
    }

    /// An error about this value; `why` completes the sentence "`key` …".
    pub(crate) fn error(&self, why: &str) -> Error {
        let what = format!("`{}` {why}", self.key);
        Error::user(self.document.at(self.line, &what))
    }

    fn wrong(&self, expected: &str, hint: &str) -> Error {
        self.error(&format!("has to be {expected}")).hint(hint)
    }
}

/// The known word that was probably meant, if one is near enough.
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word = word.to_lowercase().replace('-', "_");
    let distance = |known: &str| strsim::damerau_levenshtein(&word, &known.replace('-', "_"));
    let ranked = known.iter().map(|known| (distance(known), *known));
    let (steps, best) = ranked.min()?;
    // A third of the letters may be wrong, at least one: `nme` is `name`, `xyz` is nothing.
    (steps <= (best.len() / 3).max(1)).then_some(best)
}

fn dotted(table: &str, key: &str) -> String {
    if table.is_empty() {
        key.to_owned()
    } else {
        format!("{table}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near_or_nothing() {
        let known = ["name", "language", "first_response"];
        assert_eq!(nearest("nmae", &known), Some("name"));
        assert_eq!(nearest("Language", &known), Some("language"));
        assert_eq!(nearest("first-response", &known), Some("first_response"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest("x", &[]), None);
    }
}
