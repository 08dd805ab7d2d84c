//! From a request head to the scope that the app sees (section 1.2 of the contract).
//!
//! `server/request.rs` hands over the head and what it knows of the connection; everything in a scope comes from
//! there and never from the guest (`G-19`). What cannot be a scope is refused here with its status.

use std::net::{IpAddr, SocketAddr};

use http::request::Parts;
use http::uri::Uri;
use http::{Method, StatusCode, Version, header};

use super::fields;
use crate::bindings::types::{
    self, Extensions, HttpScope, HttpVersion, Ipv4Peer, Ipv6Peer, NamedPeer, Peer, Scheme,
    WebsocketScope,
};

/// What one connection, and the proxies that are trusted to speak for its client, add to a scope.
#[derive(Debug, Clone)]
pub struct Ends {
    /// The other end; none on a Unix socket (`H-11`).
    pub client: Option<SocketAddr>,
    /// Our end, as the client sees it (`H-12`).
    pub server: Server,
    /// How the client speaks to it (`H-05`).
    pub scheme: Scheme,
    /// The `tls` extension (`E-08`), on a TLS connection.
    pub tls: Option<types::Tls>,
}

/// The address that a connection came in on.
#[derive(Debug, Clone)]
pub enum Server {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket, by its path.
    Unix(String),
    /// A host that a trusted proxy has named (`F-14`).
    Named(String, u16),
}

/// A request that no app can be asked about.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The answer.
    pub status: StatusCode,
    /// For the log.
    pub why: &'static str,
}

/// Where an app is mounted (`H-09`). Both are empty, or paths without a slash at their end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Root<'a> {
    /// What a proxy has taken away in front of the target: it is put back.
    pub before: &'a str,
    /// All of it: `before`, and the prefix of the target that is the route's.
    pub path: &'a str,
}

/// Makes the scope of a request.
///
/// # Errors
/// 400 for a `Host` that is missing on HTTP/1.1 or doubled (`P-01`, `P-02`) and for a target with bytes outside
/// ASCII (`H-22`); 501 for CONNECT (`H-23`).
pub fn http(
    parts: &Parts,
    ends: &Ends,
    root: Root<'_>,
    request_id: u64,
) -> Result<HttpScope, Refusal> {
    if parts.method == Method::CONNECT {
        return Err(Refusal {
            status: StatusCode::NOT_IMPLEMENTED,
            why: "CONNECT is not offered",
        });
    }
    of(parts, ends, root, request_id)
}

/// Makes the scope of a WebSocket of its handshake (`W-01`), which over HTTP/2 is a CONNECT with a path (RFC 8441).
///
/// # Errors
/// As [`http()`].
pub fn websocket(
    parts: &Parts,
    ends: &Ends,
    root: Root<'_>,
    request_id: u64,
    subprotocols: Vec<String>,
) -> Result<WebsocketScope, Refusal> {
    let mut http = of(parts, ends, root, request_id)?;
    // Nobody is shown it, and it is the same however it came.
    http.method = types::Method::Get;
    Ok(WebsocketScope { http, subprotocols })
}

fn of(parts: &Parts, ends: &Ends, root: Root<'_>, request_id: u64) -> Result<HttpScope, Refusal> {
    let refuse = |status, why| Err(Refusal { status, why });
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return refuse(StatusCode::BAD_REQUEST, "two Host headers");
    }
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    if host.is_none() && authority.is_none() && parts.version == Version::HTTP_11 {
        return refuse(StatusCode::BAD_REQUEST, "no Host header");
    }
    let target = target(&parts.uri, root.before);
    if !target.is_ascii() {
        return refuse(StatusCode::BAD_REQUEST, "a target with bytes outside ASCII");
    }
    Ok(HttpScope {
        request_id,
        version: version(parts.version),
        scheme: ends.scheme,
        method: method(&parts.method),
        target,
        root_path: (!root.path.is_empty()).then(|| root.path.to_owned()),
        headers: fields::lower(&parts.headers, authority),
        client: ends.client.map(peer),
        server: Some(match &ends.server {
            Server::Tcp(address) => peer(*address),
            Server::Unix(path) => Peer::Unix(path.clone()),
            Server::Named(host, port) => Peer::Named(NamedPeer {
                host: host.clone(),
                port: *port,
            }),
        }),
        extensions: Extensions::empty(),
        tls: ends.tls.clone(),
    })
}

/// What may be used beyond the core (`A-14`): trailers where a message can have them (`E-06`), pathsend where the app has
/// files (`E-02`). Early hints never: hyper sends no head before the head (`E-04`).
pub fn extensions(version: HttpVersion, has_files: bool) -> Extensions {
    let if_so = |offered, extension| {
        if offered {
            extension
        } else {
            Extensions::empty()
        }
    };
    if_so(version != HttpVersion::Http10, Extensions::TRAILERS)
        | if_so(has_files, Extensions::PATHSEND)
}

/// Path and query as on the wire, whatever the form of the target (`H-20`, `H-21`).
fn target(uri: &Uri, before: &str) -> Vec<u8> {
    let rest = uri.path_and_query().map_or("/", |target| target.as_str());
    if rest == "*" || before.is_empty() {
        return rest.as_bytes().to_vec();
    }
    [before.as_bytes(), rest.as_bytes()].concat()
}

fn version(version: Version) -> HttpVersion {
    match version {
        Version::HTTP_09 | Version::HTTP_10 => HttpVersion::Http10,
        Version::HTTP_2 => HttpVersion::Http2,
        Version::HTTP_3 => HttpVersion::Http3,
        _ => HttpVersion::Http11,
    }
}

/// Upper-cased (`H-04`); unknown verbs pass.
fn method(method: &Method) -> types::Method {
    match *method {
        Method::GET => types::Method::Get,
        Method::HEAD => types::Method::Head,
        Method::POST => types::Method::Post,
        Method::PUT => types::Method::Put,
        Method::DELETE => types::Method::Delete,
        Method::OPTIONS => types::Method::Options,
        Method::PATCH => types::Method::Patch,
        Method::TRACE => types::Method::Trace,
        _ => other(method.as_str().to_ascii_uppercase()),
    }
}

fn other(upper: String) -> types::Method {
    match upper.as_str() {
        "GET" => types::Method::Get,
        "HEAD" => types::Method::Head,
        "POST" => types::Method::Post,
        "PUT" => types::Method::Put,
        "DELETE" => types::Method::Delete,
        "OPTIONS" => types::Method::Options,
        "PATCH" => types::Method::Patch,
        "TRACE" => types::Method::Trace,
        _ => types::Method::Other(upper),
    }
}

fn peer(address: SocketAddr) -> Peer {
    let port = address.port();
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => Peer::Ipv4(Ipv4Peer {
            address: ip.to_bits(),
            port,
        }),
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h] = ip.segments().map(u64::from);
            Peer::Ipv6(Ipv6Peer {
                high: a << 48 | b << 32 | c << 16 | d,
                low: e << 48 | f << 32 | g << 16 | h,
                port,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> Ends {
        Ends {
            client: Some("[::ffff:10.1.2.3]:4711".parse().unwrap()),
            server: Server::Tcp("127.0.0.1:8000".parse().unwrap()),
            tls: None,
            scheme: Scheme::Http,
        }
    }

    const API: Root<'_> = Root {
        before: "/api",
        path: "/api",
    };

    fn parts(request: http::request::Builder) -> Parts {
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn h04_h08_h12_plain_request() {
        let request = http::Request::get("/a%2Fb//../c?x=+1").header("host", "h");
        let scope = http(&parts(request), &ends(), Root::default(), 7).unwrap();
        assert_eq!(scope.target, b"/a%2Fb//../c?x=+1");
        assert!(matches!(scope.method, types::Method::Get));
        assert!(matches!(
            scope.client,
            Some(Peer::Ipv4(Ipv4Peer {
                address: 0x0a01_0203,
                port: 4711
            }))
        ));
        assert_eq!(scope.root_path, None);
    }

    #[test]
    fn h09_root_path_stands_in_front() {
        let request = http::Request::get("/x?y").header("host", "h");
        let scope = http(&parts(request), &ends(), API, 7).unwrap();
        assert_eq!(scope.target, b"/api/x?y");
        assert_eq!(scope.root_path.as_deref(), Some("/api"));
        // That of a route is in the target already.
        let request = http::Request::get("/v1/x?y").header("host", "h");
        let path = "/api/v1";
        let scope = http(&parts(request), &ends(), Root { path, ..API }, 7).unwrap();
        assert_eq!(scope.target, b"/api/v1/x?y");
        assert_eq!(scope.root_path.as_deref(), Some("/api/v1"));
    }

    #[test]
    fn h20_absolute_form_is_reduced_and_wins_over_host() {
        let request = http::Request::get("http://example.org/x?y").header("host", "other");
        let scope = http(&parts(request), &ends(), Root::default(), 7).unwrap();
        assert_eq!(scope.target, b"/x?y");
        assert!(scope.headers.text.starts_with(b"hostexample.org"));
    }

    #[test]
    fn h21_asterisk_stays() {
        let request = http::Request::options("*").header("host", "h");
        let scope = http(&parts(request), &ends(), API, 7).unwrap();
        assert_eq!(scope.target, b"*");
    }

    #[test]
    fn h23_p01_p02_refusals() {
        let status = |request| {
            http(&parts(request), &ends(), Root::default(), 7)
                .unwrap_err()
                .status
        };
        assert_eq!(
            status(http::Request::connect("example.org:443")),
            StatusCode::NOT_IMPLEMENTED
        );
        assert_eq!(status(http::Request::get("/")), StatusCode::BAD_REQUEST);
        assert_eq!(
            status(
                http::Request::get("/")
                    .header("host", "a")
                    .header("host", "b")
            ),
            StatusCode::BAD_REQUEST
        );
    }

    #[test]
    fn h04_verbs_are_upper_cased_and_unknown_ones_pass() {
        let request = |verb: &str| http::Request::builder().method(verb).header("host", "h");
        let scope = |verb| http(&parts(request(verb)), &ends(), Root::default(), 7).unwrap();
        assert!(matches!(scope("get").method, types::Method::Get));
        assert!(matches!(scope("purge").method, types::Method::Other(v) if v == "PURGE"));
    }
}
