//! What pip has found for a requirement: which package in which version, from where, and in what form.
//!
//! `resolve` reads it out of pip's report. It decides nothing.

use serde::Deserialize;

use super::native::PLATFORM;

/// As much of pip's report as we read.
#[derive(Deserialize)]
pub(super) struct Report {
    pub(super) install: Vec<Found>,
}

#[derive(Deserialize)]
pub(super) struct Found {
    pub(super) metadata: Metadata,
    pub(super) download_info: Download,
    /// Named by its place, and so not to be had by its name.
    #[serde(default)]
    is_direct: bool,
}

#[derive(Deserialize)]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) version: String,
}

#[derive(Deserialize)]
pub(super) struct Download {
    pub(super) url: String,
    archive_info: Option<Archive>,
    vcs_info: Option<Repository>,
    subdirectory: Option<String>,
}

#[derive(Deserialize)]
struct Archive {
    #[serde(default)]
    hashes: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Repository {
    vcs: String,
    commit_id: String,
}

/// What a package turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A wheel that fits, from an index.
    Fits,
    /// A wheel for some other machine.
    Native,
    /// An archive, a folder or a repository; or a wheel that no index has.
    Source,
}

impl Found {
    pub(super) fn kind(&self) -> Kind {
        let url = self.download_info.url.split('#').next().unwrap_or_default();
        let ours = format!("-{PLATFORM}.whl");
        if url.ends_with("-any.whl") || url.ends_with(&ours) {
            if self.is_direct {
                return Kind::Source;
            }
            Kind::Fits
        } else if url.ends_with(".whl") {
            Kind::Native
        } else {
            Kind::Source
        }
    }

    /// Where it is, as pip takes it: of a repository, the commit that was found.
    pub(super) fn place(&self) -> String {
        let download = &self.download_info;
        let mut place = match &download.vcs_info {
            Some(found) => format!("{}+{}@{}", found.vcs, download.url, found.commit_id),
            None => download.url.clone(),
        };
        if let Some(folder) = &download.subdirectory {
            place = format!("{place}#subdirectory={folder}");
        }
        place
    }

    pub(super) fn sha256(&self) -> Option<&str> {
        let archive = self.download_info.archive_info.as_ref()?;
        archive.hashes.get("sha256").map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(url: &str) -> Found {
        let text = format!(
            r#"{{"metadata": {{"name": "a", "version": "1"}}, "download_info": {{"url": "{url}", "archive_info": {{"hashes": {{"sha256": "00"}}}}}}}}"#
        );
        serde_json::from_str(&text).expect("a package")
    }

    #[test]
    fn a_package_is_what_its_wheel_is_called() {
        let kind = |url| found(url).kind();
        assert_eq!(kind("https://example.org/a-1-py3-none-any.whl"), Kind::Fits);
        assert_eq!(
            kind("file:///x/a-1-cp314-cp314-wasi_0_0_0_wasm32.whl"),
            Kind::Fits
        );
        assert_eq!(
            kind("https://example.org/a-1-cp314-cp314-manylinux_2_17_x86_64.whl"),
            Kind::Native
        );
        assert_eq!(kind("https://example.org/a-1.tar.gz"), Kind::Source);
        assert_eq!(kind("file:///x/a"), Kind::Source);
        assert_eq!(found("x").sha256(), Some("00"));
    }
}
