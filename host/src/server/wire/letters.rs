//! Which bytes may stand where in a head: one table, looked up for each byte of names and targets.

/// A letter of a method or a field name (RFC 9110 5.6.2).
const TOKEN: u8 = 1;
/// May stand in a path.
const PATH: u8 = 2;
/// May stand behind the `?`.
const QUERY: u8 = 4;
/// May stand in the name of a host, apart from `%`.
const HOST: u8 = 8;

static LETTERS: [u8; 256] = letters();

/// `Uri` of the crate `http` draws the same line for paths and queries, apart from `#` and bytes outside ASCII.
#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "computed by the compiler, where `get` is not available; the index is a byte"
)]
const fn letters() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        let mut class = 0;
        if byte.is_ascii_alphanumeric() {
            class |= TOKEN | HOST;
        }
        if matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        ) {
            class |= TOKEN;
        }
        if matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
        ) {
            class |= HOST;
        }
        if byte.is_ascii_graphic() && !matches!(byte, b'#' | b'<' | b'>') {
            if byte != b'`' {
                class |= PATH;
            }
            if byte != b'"' {
                class |= QUERY;
            }
        }
        table[i] = class;
        i += 1;
    }
    table
}

fn is(byte: u8, class: u8) -> bool {
    LETTERS
        .get(usize::from(byte))
        .is_some_and(|classes| classes & class != 0)
}

/// A letter of a token (RFC 9110 5.6.2): a method, a name, a word of a forwarded header.
pub(in crate::server) fn is_token(byte: u8) -> bool {
    is(byte, TOKEN)
}

pub(super) fn is_path(byte: u8) -> bool {
    is(byte, PATH)
}

pub(super) fn is_query(byte: u8) -> bool {
    is(byte, QUERY)
}

pub(super) fn is_host(byte: u8) -> bool {
    is(byte, HOST)
}

/// May stand in a field's value: no control character but the tab (RFC 9110 5.5).
pub(super) fn is_value(byte: u8) -> bool {
    (byte >= b' ' && byte != 0x7f) || byte == b'\t'
}

/// As [`is_value`] for all of them, without a branch for each, so that the compiler takes many at a time.
pub(super) fn are_value(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |all, byte| all & is_value(*byte))
}
