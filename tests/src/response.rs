//! What came back over HTTP/1, with everything that was on the wire.

/// What came back for one request.
#[derive(Clone, Debug)]
pub struct Response {
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub version: String,
    /// The status.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// Names as on the wire, and values.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// What stood behind the last chunk.
    pub trailers: Vec<(String, String)>,
    /// Whether the body was as long as its framing says.
    pub whole: bool,
    /// Everything, as it was on the wire.
    pub raw: Vec<u8>,
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = self
            .headers
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The only value of a header, or none.
    ///
    /// # Panics
    /// When there are several.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "more than one {name}: {all:?}");
        all.first().copied()
    }

    /// A line of the body that begins with `key=`, without that.
    pub fn value(&self, key: &str) -> String {
        let text = self.text();
        let found = text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        found
            .unwrap_or_else(|| panic!("no {key} in {text}"))
            .to_owned()
    }

    /// Whether these bytes were anywhere on the wire.
    pub fn mentions(&self, text: &str) -> bool {
        self.raw
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }
}
