//! Whose app it is, and what it is called.

use std::fmt;
use std::sync::Arc;

use crate::config::{name_problem, name_suggestion};
use crate::error::{Error, Result};

/// What an app is known by in a host: its tenant's name and its own. Cloning is cheap.
///
/// Both are names as `wasgi.toml` has them, so neither has a `/` in it, and what this displays is as unique as the two
/// are: `alice/hello`, or `hello` in a host without tenants. Log lines have it in their field `app`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId {
    label: Arc<str>,
    /// Of the tenant's name, in bytes, where there is one.
    tenant: Option<usize>,
}

impl AppId {
    /// The app `app` of a tenant.
    ///
    /// # Errors
    /// When one of them is no name.
    pub fn of(tenant: &str, app: &str) -> Result<Self> {
        check("a tenant", tenant)?;
        check("an app", app)?;
        Ok(Self {
            label: format!("{tenant}/{app}").into(),
            tenant: Some(tenant.len()),
        })
    }

    /// An app of a host without tenants.
    ///
    /// # Errors
    /// When it is no name.
    pub fn without_tenant(app: &str) -> Result<Self> {
        check("an app", app)?;
        Ok(Self {
            label: app.into(),
            tenant: None,
        })
    }

    /// The app of a server that has one, whatever the app calls itself: its next version may have another name.
    pub fn only() -> Self {
        Self {
            label: "app".into(),
            tenant: None,
        }
    }

    /// The tenant's name.
    pub fn tenant(&self) -> Option<&str> {
        self.label.get(..self.tenant?)
    }

    /// The app's own name.
    pub fn app(&self) -> &str {
        let start = self.tenant.map_or(0, |length| length + 1);
        self.label.get(start..).unwrap_or_default()
    }

    /// What it displays: the name to give to [`App`](crate::wasm::App), so that log lines have it.
    pub fn label(&self) -> &Arc<str> {
        &self.label
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

fn check(whose: &str, name: &str) -> Result<()> {
    let Some(problem) = name_problem(name) else {
        return Ok(());
    };
    let suggestion = name_suggestion(name).unwrap_or_else(|| "hello".to_owned());
    Err(Error::user(format!("`{name}` is not the name of {whose}"))
        .because(format!("a name {problem}"))
        .hint(format!("for example `{suggestion}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_displays_as_tenant_and_app_or_as_app() {
        let id = AppId::of("alice", "hello").unwrap();
        assert_eq!(id.to_string(), "alice/hello");
        assert_eq!((id.tenant(), id.app()), (Some("alice"), "hello"));
        let id = AppId::without_tenant("hello").unwrap();
        assert_eq!(id.to_string(), "hello");
        assert_eq!((id.tenant(), id.app()), (None, "hello"));
        assert_ne!(
            AppId::of("alice", "hello").unwrap(),
            AppId::of("bob", "hello").unwrap()
        );
    }

    #[test]
    fn a_name_has_no_slash_so_nobody_has_another_ones_label() {
        for (tenant, app) in [
            ("alice/x", "hello"),
            ("alice", "x/hello"),
            ("", "hello"),
            ("alice", ""),
            ("Alice", "hello"),
            ("alice", "hello\n"),
        ] {
            let error = AppId::of(tenant, app).unwrap_err();
            assert!(error.to_string().contains("is not the name of"), "{error}");
            assert!(error.hint_text().is_some());
        }
        assert!(AppId::without_tenant("a/b").is_err());
    }
}
