use super::*;

fn table(routes: &[&str]) -> Routes<String> {
    let routes = routes
        .iter()
        .map(|text| (text.parse().unwrap(), (*text).to_owned()));
    Routes::of(routes).unwrap()
}

#[track_caller]
fn finds(routes: &[&str], requests: &[(&str, &str, &str)]) {
    let table = table(routes);
    for (authority, path, route) in requests {
        let authority = (!authority.is_empty()).then_some(*authority);
        let found = table.find(authority, path).map_or("", String::as_str);
        assert_eq!(found, *route, "{authority:?} {path}");
    }
}

#[test]
fn an_exact_host_is_before_a_wildcard_and_a_longer_one_before_a_shorter() {
    finds(
        &["a.b.test", "*.b.test", "*.test", "*"],
        &[
            ("a.b.test", "/", "a.b.test"),
            ("A.B.Test.:8000", "/", "a.b.test"),
            ("x.b.test", "/", "*.b.test"),
            ("x.a.b.test", "/", "*.b.test"),
            ("x.y.test", "/", "*.test"),
            ("b.test", "/", "*.test"),
            ("test", "/", "*"),
            ("xb.test", "/", "*.test"),
            ("a.b.test.evil", "/", "*"),
            (".b.test", "/", "*"),
            ("a.b.test@x", "/", "*"),
            ("127.0.0.1:80", "/", "*"),
            ("[::1]:80", "/", "*"),
            ("", "/", "*"),
        ],
    );
}

#[test]
fn the_longest_prefix_wins_on_segment_boundaries() {
    finds(
        &["a.test", "a.test/api", "a.test/api/v1", "a.test/b"],
        &[
            ("a.test", "/", "a.test"),
            ("a.test", "/ap", "a.test"),
            ("a.test", "/api", "a.test/api"),
            ("a.test", "/api/", "a.test/api"),
            ("a.test", "/apiv1", "a.test"),
            ("a.test", "/api/v", "a.test/api"),
            ("a.test", "/api/v1", "a.test/api/v1"),
            ("a.test", "/api/v1/x/y/z", "a.test/api/v1"),
            ("a.test", "/api/v12", "a.test/api"),
            ("a.test", "/API", "a.test"),
            ("a.test", "*", "a.test"),
            ("a.test", "", "a.test"),
            ("b.test", "/api", ""),
            ("", "/api", ""),
        ],
    );
}

#[test]
fn a_host_without_a_matching_prefix_leaves_it_to_the_next_best() {
    finds(
        &["a.test/x", "*.test/x/y", "*/x", "*/y"],
        &[
            ("a.test", "/x/y", "a.test/x"),
            ("b.test", "/x/y", "*.test/x/y"),
            ("b.test", "/x", "*/x"),
            ("a.test", "/y", "*/y"),
            ("a.test", "/z", ""),
            ("a.test", "*", ""),
        ],
    );
}

/// The path as the app will see it decides, so that nobody gets round a prefix, or into one, by how it is written.
#[test]
fn h16_h18_the_decoded_path_is_compared_and_dots_are_segments() {
    finds(
        &["*", "/admin", "/admin/x"],
        &[
            ("", "/%61dmin", "/admin"),
            ("", "/%61%64%6d%69%6E/x", "/admin/x"),
            ("", "/admin%2Fx", "/admin/x"),
            ("", "/admin%2fxy", "/admin"),
            ("", "%2Fadmin", "/admin"),
            ("", "/admin%00", "*"),
            ("", "/admin%20", "*"),
            ("", "/admin%", "*"),
            ("", "/admin%zz", "*"),
            ("", "/admin/%", "/admin"),
            // Decoded once.
            ("", "/%2561dmin", "*"),
            ("", "/y/../admin", "*"),
            ("", "/./admin", "*"),
            ("", "//admin", "*"),
            ("", "/%2e%2e/admin", "*"),
            ("", "/admin/../y", "/admin"),
            ("", "/admin/%2e%2e/y", "/admin"),
            ("", "/admin//x", "/admin"),
            ("", "/adm%c3%a9in", "*"),
        ],
    );
}

#[test]
fn two_apps_on_one_route_are_an_error_that_names_both() {
    for (one, other) in [
        ("a.test", "A.TEST./"),
        ("*", "/"),
        ("*.a.test/x", "*.a.test/x"),
        ("[::1]/x", "[0:0::1]/x"),
    ] {
        let routes = [(one, "alice/one"), (other, "bob/two")];
        let routes = routes.map(|(route, app)| (route.parse().unwrap(), app));
        let error = Routes::of(routes).unwrap_err();
        let route: Route = one.parse().unwrap();
        assert_eq!(
            error.to_string(),
            format!("two apps have the route `{route}`")
        );
        let because = std::error::Error::source(&error).unwrap().to_string();
        assert!(because.contains("`alice/one` and `bob/two`"), "{because}");
    }
}

#[test]
fn the_only_route_is_known_as_such() {
    assert_eq!(table(&["*"]).only(), Some(&"*".to_owned()));
    for routes in [
        &["*", "/x"][..],
        &["*", "a.test"],
        &["*", "*.a.test"],
        &["/x"],
        &[],
    ] {
        assert_eq!(table(routes).only(), None);
    }
}

/// A path with more segments than any prefix, and with longer ones, costs no more than the prefixes do.
#[test]
fn a_path_is_looked_at_as_far_as_prefixes_reach() {
    let slashes = "/".repeat(100_000);
    let (long, escaped) = ("/x".repeat(50_000), "/%78".repeat(50_000));
    finds(
        &["/x/x", "/y"],
        &[
            ("", &slashes, ""),
            ("", &long, "/x/x"),
            ("", &escaped, "/x/x"),
        ],
    );
}

/// Routes as one would say them: of all that match, the one with the best host, then the one with the longest prefix.
mod naive {
    use super::*;

    fn host(authority: &str) -> Option<String> {
        let lower = authority.to_lowercase();
        let host = lower.split(':').next()?;
        let host = host.strip_suffix('.').unwrap_or(host);
        let good = |label: &str| !label.is_empty() && !label.contains('@');
        host.split('.').all(good).then(|| host.to_owned())
    }

    fn decode(path: &str) -> Vec<u8> {
        let (bytes, mut decoded, mut at) = (path.as_bytes(), Vec::new(), 0);
        while at < bytes.len() {
            let hex = path.get(at + 1..at + 3).unwrap_or_default();
            if bytes[at] == b'%' && hex.len() == 2 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
                decoded.push(u8::from_str_radix(hex, 16).unwrap());
                at += 3;
            } else {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
        decoded
    }

    pub(super) fn find<'a>(routes: &'a [Route], authority: &str, path: &str) -> Option<&'a Route> {
        let (host, path) = (host(authority), decode(path));
        let rank = |route: &Route| match (route.host(), &host) {
            (Host::Any, _) => Some(0),
            (Host::Exact(exact), Some(host)) if **exact == **host => Some(usize::MAX),
            (Host::Below(name), Some(host)) if host.ends_with(&format!(".{name}")) => {
                Some(name.len())
            }
            _ => None,
        };
        let below = |route: &Route| {
            let rest = path.strip_prefix(route.prefix().as_bytes());
            route.prefix().is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
        };
        let matching = routes.iter().filter(|route| below(route));
        let ranked = matching.filter_map(|route| Some((rank(route)?, route.prefix().len(), route)));
        ranked
            .max_by_key(|(host, prefix, _)| (*host, *prefix))
            .map(|(_, _, route)| route)
    }
}

#[test]
fn any_table_finds_what_a_naive_reader_finds() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |end: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % end as u64).unwrap()
    };
    let mut one_of = |texts: &[&'static str]| texts[below(texts.len())];
    let mut matched = 0;
    for _ in 0..2_000 {
        let mut routes: Vec<Route> = Vec::new();
        for _ in 0..one_of(&["1", "3", "9", "20"]).parse().unwrap() {
            let host = [
                one_of(&["", "*.", "*.b.", "a.", "a.b."]),
                one_of(&["test", "b.test", "c"]),
            ];
            let host = if one_of(&["x", "", ""]).is_empty() {
                host.concat()
            } else {
                "*".to_owned()
            };
            let path: String = (0..3)
                .map(|_| one_of(&["", "/a", "/b", "/aa", "/a-b"]))
                .collect();
            let route: Route = format!("{host}{path}").parse().unwrap();
            if !routes.contains(&route) {
                routes.push(route);
            }
        }
        let table = Routes::of(
            routes
                .iter()
                .map(|route| (route.clone(), route.to_string())),
        )
        .unwrap();
        for _ in 0..50 {
            let authority: String = [
                one_of(&["", "", "a.", "B.", "a.b.", "x.a.", ".", "@"]),
                one_of(&["test", "b.test", "c", "TEST", ""]),
                one_of(&["", ".", ".."]),
                one_of(&["", ":80", ":"]),
            ]
            .concat();
            let path: String = (0..4)
                .map(|_| {
                    one_of(&[
                        "", "/a", "/b", "/aa", "/a-b", "/", "/%61", "%2fa", "/..", "/%", "%2",
                        "%61", "*",
                    ])
                })
                .collect();
            let found = table.find(Some(&authority), &path).cloned();
            let wanted = naive::find(&routes, &authority, &path).map(ToString::to_string);
            matched += usize::from(wanted.as_ref().is_some_and(|route| route.len() > 6));
            assert_eq!(found, wanted, "{authority} {path} in {routes:?}");
        }
    }
    assert!(matched > 1_000, "{matched}");
}
