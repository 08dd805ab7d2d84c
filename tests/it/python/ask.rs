//! Requests of the differential test as bytes, and what came back for one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use wasgi_tests::{Client, Response};

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    method: String,
    target: String,
    version: &'static str,
    headers: Vec<(String, Vec<u8>)>,
    body: Option<Vec<u8>>,
    /// The body goes out in chunks of this size.
    chunks: Option<usize>,
    /// Cookies are kept among the requests with this name.
    jar: Option<&'static str>,
}

/// A request with any method.
pub(super) fn ask(method: &str, target: &str) -> Ask {
    Ask {
        method: method.to_owned(),
        target: target.to_owned(),
        version: "1.1",
        headers: vec![("host".to_owned(), b"test".to_vec())],
        body: None,
        chunks: None,
        jar: None,
    }
}

/// A GET.
pub(super) fn get(target: &str) -> Ask {
    ask("GET", target)
}

/// A POST with a body of this type.
pub(super) fn post(target: &str, kind: &str, body: impl AsRef<[u8]>) -> Ask {
    ask("POST", target).body(kind, body)
}

/// A POST of JSON.
pub(super) fn json(target: &str, body: &str) -> Ask {
    post(target, "application/json", body)
}

/// A POST of a form, encoded as URLs are.
pub(super) fn form(target: &str, body: &str) -> Ask {
    post(target, "application/x-www-form-urlencoded", body)
}

/// A POST of parts: name, further parameters of the disposition, type or "", content.
pub(super) fn multipart(target: &str, parts: &[(&str, &str, &str, &[u8])]) -> Ask {
    let mut body = Vec::new();
    for (name, parameters, kind, content) in parts {
        body.extend_from_slice(b"--edge\r\n");
        body.extend_from_slice(
            format!("content-disposition: form-data; name=\"{name}\"{parameters}\r\n").as_bytes(),
        );
        if !kind.is_empty() {
            body.extend_from_slice(format!("content-type: {kind}\r\n").as_bytes());
        }
        body.extend_from_slice(b"\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    post(target, "multipart/form-data; boundary=edge", body)
}

impl Ask {
    /// A further header.
    pub(super) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Another host.
    pub(super) fn host(mut self, host: &str) -> Self {
        self.headers[0].1 = host.as_bytes().to_vec();
        self
    }

    /// A body of this type; none when it is "".
    pub(super) fn body(mut self, kind: &str, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        if kind.is_empty() {
            self
        } else {
            self.header("content-type", kind)
        }
    }

    /// Sends the body in chunks of this size.
    pub(super) fn chunked(mut self, size: usize) -> Self {
        self.chunks = Some(size);
        self
    }

    /// As HTTP/1.0.
    pub(super) fn http_1_0(mut self) -> Self {
        self.version = "1.0";
        self
    }

    /// Sends the cookies that earlier answers in this jar have set, and keeps those of this answer.
    pub(super) fn jar(mut self, jar: &'static str) -> Self {
        self.jar = Some(jar);
        self
    }

    /// The path, without the query.
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The method.
    pub(super) fn method(&self) -> &str {
        &self.method
    }

    /// Whether it has this header.
    pub(super) fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(other, _)| other == name)
    }

    /// Whether it is HTTP/1.0.
    pub(super) fn is_http_1_0(&self) -> bool {
        self.version == "1.0"
    }

    /// How a report names it.
    pub(super) fn name(&self) -> String {
        let mut name = format!("{} {}", self.method, self.target);
        for (header, value) in &self.headers[1..] {
            let value: String = String::from_utf8_lossy(value).chars().take(60).collect();
            let _ = write!(name, " [{header}: {value}]");
        }
        if let Some(body) = &self.body {
            let _ = write!(name, " ({} bytes)", body.len());
        }
        name
    }

    /// Sends it on a new connection and reads the answer.
    pub(super) fn send(&self, client: &mut Client, jars: &mut Jars) -> Got {
        let mut head =
            format!("{} {} HTTP/{}\r\n", self.method, self.target, self.version).into_bytes();
        let mut field = |name: &str, value: &[u8]| {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        };
        for (name, value) in &self.headers {
            field(name, value);
        }
        if let Some(cookies) = self.jar.and_then(|jar| jars.cookies(jar)) {
            field("cookie", cookies.as_bytes());
        }
        match (&self.body, self.chunks) {
            (Some(_), Some(_)) => field("transfer-encoding", b"chunked"),
            (Some(body), None) => field("content-length", body.len().to_string().as_bytes()),
            (None, _) => {}
        }
        head.extend_from_slice(b"\r\n");
        client.send(&head);
        match (&self.body, self.chunks) {
            (Some(body), Some(size)) => {
                for chunk in body.chunks(size) {
                    client.send(
                        [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat(),
                    );
                }
                client.send("0\r\n\r\n");
            }
            (Some(body), None) => drop(client.send(body)),
            (None, _) => {}
        }
        let response = client.response_to(&self.method);
        if let Some(jar) = self.jar {
            jars.keep(jar, &response);
        }
        Got {
            status: response.status,
            headers: response.headers,
            body: response.body,
            whole: response.whole,
        }
    }
}

/// What has come back: everything that has to be the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Got {
    pub(super) status: u16,
    /// Names as on the wire.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether the body came to its end.
    pub(super) whole: bool,
}

impl Got {
    /// Replaces a text in the body, and the length with it; whether it was there.
    pub(super) fn replace(&mut self, from: &str, to: &str) -> bool {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        self.body = text.replace(from, to).into_bytes();
        let length = self.body.len().to_string();
        for (name, value) in &mut self.headers {
            if name == "content-length" {
                value.clone_from(&length);
            }
        }
        text.contains(from)
    }

    /// Sorts the list in a header; whether there is one.
    pub(super) fn sort_list(&mut self, name: &str) -> bool {
        let found = self.headers.iter_mut().find(|(other, _)| other == name);
        found
            .map(|(_, value)| {
                let mut list: Vec<_> = value.split(", ").collect();
                list.sort_unstable();
                *value = list.join(", ");
            })
            .is_some()
    }

    /// The values of a header.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        let found = self.headers.iter().filter(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str()).collect()
    }
}

/// Cookies by jar and name, as one browser keeps them for one server.
#[derive(Default)]
pub(super) struct Jars(BTreeMap<&'static str, BTreeMap<String, String>>);

impl Jars {
    fn cookies(&self, jar: &str) -> Option<String> {
        let cookies = self.0.get(jar).filter(|cookies| !cookies.is_empty())?;
        let pairs: Vec<_> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Some(pairs.join("; "))
    }

    fn keep(&mut self, jar: &'static str, response: &Response) {
        let cookies = self.0.entry(jar).or_default();
        for set in response.all("set-cookie") {
            let pair = set.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                if value.is_empty() || value == "null" {
                    cookies.remove(name);
                } else {
                    cookies.insert(name.to_owned(), value.to_owned());
                }
            }
        }
    }
}
