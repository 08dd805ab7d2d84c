//! The flags of a server behind proxies: whose word counts about a client.
//!
//! They become `server::proxy::Settings`, which say what they mean.

use clap::{ArgAction, Args, ValueEnum, builder::BoolishValueParser};
use wasgi::{
    error::{Error, Result},
    server::proxy::{Family, Settings, TRUSTED, Trusted},
};

/// What uvicorn and gunicorn call the list, and hosting platforms set for them.
const ALLOW_IPS_OF_OTHERS: &str = "FORWARDED_ALLOW_IPS";

/// `wasgi serve`, behind a proxy
#[derive(Args)]
#[command(next_help_heading = "Behind a proxy")]
pub(crate) struct ProxyArgs {
    /// Let proxies say who their client is (`Forwarded`, `X-Forwarded-For`, `-Proto`, `-Host`, `-Port`)
    #[arg(long, env = "WASGI_PROXY_HEADERS", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    #[arg(action = ArgAction::Set, default_value = "true", default_missing_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true)]
    pub(crate) proxy_headers: bool,

    /// Let nobody say who their client is
    #[arg(long, overrides_with = "proxy_headers")]
    pub(crate) no_proxy_headers: bool,

    /// Which proxies: addresses and networks with commas between them, `unix` for whoever connects to a Unix socket,
    /// `*` for whoever connects [default: `$FORWARDED_ALLOW_IPS`, else 127.0.0.1,::1,unix]
    #[arg(long, env = "WASGI_FORWARDED_ALLOW_IPS", value_name = "LIST")]
    pub(crate) forwarded_allow_ips: Option<Trusted>,

    /// Which headers they write; the others are a client's
    #[arg(
        long,
        env = "WASGI_FORWARDED_HEADER",
        value_name = "WHICH",
        default_value = "auto"
    )]
    pub(crate) forwarded_header: ForwardedHeader,

    /// Serve only connections of these proxies that begin with a header of the PROXY protocol, version 1 or 2
    #[arg(long, env = "WASGI_PROXY_PROTOCOL", value_name = "BOOL", value_parser = BoolishValueParser::new())]
    #[arg(action = ArgAction::Set, default_value = "false", default_missing_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true)]
    pub(crate) proxy_protocol: bool,
}

/// `--forwarded-header`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ForwardedHeader {
    /// `X-Forwarded-*` if a request has any, else `Forwarded`
    Auto,
    /// `X-Forwarded-*`
    XForwarded,
    /// `Forwarded` (RFC 7239)
    Forwarded,
}

impl ProxyArgs {
    /// What the server is told.
    pub(super) fn settings(&self) -> Result<Settings> {
        Ok(Settings {
            headers: self.proxy_headers && !self.no_proxy_headers,
            family: match self.forwarded_header {
                ForwardedHeader::Auto => Family::Auto,
                ForwardedHeader::XForwarded => Family::XForwarded,
                ForwardedHeader::Forwarded => Family::Forwarded,
            },
            trusted: match &self.forwarded_allow_ips {
                Some(trusted) => trusted.clone(),
                None => of_others()?.unwrap_or_default(),
            },
            protocol: self.proxy_protocol,
        })
    }
}

fn of_others() -> Result<Option<Trusted>> {
    let Some(list) = std::env::var_os(ALLOW_IPS_OF_OTHERS) else {
        return Ok(None);
    };
    match list.to_string_lossy().parse() {
        Ok(trusted) => Ok(Some(trusted)),
        Err(why) => Err(Error::user(format!(
            "cannot use the environment's {ALLOW_IPS_OF_OTHERS}"
        ))
        .because(why)
        .hint(format!(
            "put it right, or say --forwarded-allow-ips {TRUSTED}, which goes before it"
        ))),
    }
}
