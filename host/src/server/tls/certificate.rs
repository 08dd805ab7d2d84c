//! What a certificate says: its names, its dates, who it is, and who has issued it.
//!
//! Only for what is told to operators and apps: whether a client's certificate is to be trusted is rustls's to decide.

use std::time::{SystemTime, UNIX_EPOCH};

use x509_cert::der::pem::{LineEnding, encode_string};
use x509_cert::der::{self, Decode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// A certificate that has been read.
pub(super) struct Certificate(x509_cert::Certificate);

/// Whether it is the time of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// With the date from which on it holds.
    TooYoung(String),
    Valid,
    /// With the date at which it ended.
    Expired(String),
}

impl Certificate {
    pub(super) fn parse(bytes: &[u8]) -> der::Result<Self> {
        x509_cert::Certificate::from_der(bytes).map(Self)
    }

    /// RFC 4514, as the `tls` extension has it (`E-08`).
    pub(super) fn subject(&self) -> String {
        self.0.tbs_certificate().subject().to_string()
    }

    /// Host names in lower case, `*.` in front of some; none when it has no names of any kind. A certificate that
    /// names addresses or URIs only has an empty list.
    pub(super) fn host_names(&self) -> Option<Vec<String>> {
        let names = self.0.tbs_certificate().get_extension::<SubjectAltName>();
        let (_, SubjectAltName(names)) = names.ok()??;
        let hosts = names.iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
            _ => None,
        });
        (!names.is_empty()).then(|| hosts.collect())
    }

    pub(super) fn age(&self, now: SystemTime) -> Age {
        let validity = self.0.tbs_certificate().validity();
        // A clock that stands before 1970 finds every certificate too young.
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        if now < validity.not_before.to_unix_duration() {
            Age::TooYoung(validity.not_before.to_string())
        } else if now > validity.not_after.to_unix_duration() {
            Age::Expired(validity.not_after.to_string())
        } else {
            Age::Valid
        }
    }

    /// Whether this one says that it was issued by `other`.
    pub(super) fn names_as_issuer(&self, other: &Self) -> bool {
        self.0.tbs_certificate().issuer() == other.0.tbs_certificate().subject()
    }
}

/// One certificate as PEM, lines ending in LF.
pub(super) fn pem(bytes: &[u8]) -> String {
    // Fails only on lengths that no memory holds.
    encode_string("CERTIFICATE", LineEnding::LF, bytes).unwrap_or_default()
}
