//! How a call ends: why it failed, what the client is answered then, and what the access line says of it.

use crate::asgi::Violation;
use crate::asgi::budget::OverBudget;
use crate::config::limits::Deadline;

/// Why a call failed. The text is for the app's log; the client sees the status at most (`G-24`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The app raised before its response was complete (`X-01`–`X-03`).
    Raised(String),
    /// The app returned before its response was complete (`X-05`–`X-07`).
    Returned,
    /// The guest broke the contract.
    Violation(Violation),
    /// The app may not have the memory that the call needs in the host (`G-07`).
    Memory(OverBudget),
    /// The guest trapped while it worked for this call (`X-08`).
    Trapped(String),
    /// The instance ended under this call, through no fault of it (`G-04`, `G-13`).
    InstanceLost,
    /// A deadline passed (`G-12`).
    Deadline(Deadline),
    /// The instance is to stop, alone or with the server, and has waited long enough (`G-14`).
    Stopped,
    /// The client sent nothing for too long although the app waited for its body (`T-04`).
    BodyStalled,
    /// The client's body is longer than the app takes.
    BodyTooLarge,
    /// The client's body is not what HTTP allows (`Q-13`).
    BodyBroken,
}

impl Failure {
    /// What the client is answered when nothing has been sent yet (`G-13`).
    pub fn status(&self) -> http::StatusCode {
        match self {
            Self::Raised(_)
            | Self::Returned
            | Self::Violation(_)
            | Self::Memory(_)
            | Self::Trapped(_) => http::StatusCode::INTERNAL_SERVER_ERROR,
            Self::InstanceLost => http::StatusCode::BAD_GATEWAY,
            Self::Deadline(_) => http::StatusCode::GATEWAY_TIMEOUT,
            Self::Stopped => http::StatusCode::SERVICE_UNAVAILABLE,
            Self::BodyStalled => http::StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => http::StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyBroken => http::StatusCode::BAD_REQUEST,
        }
    }

    /// One or two words for the access line.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Raised(_) => "raised",
            Self::Returned => "no-response",
            Self::Violation(_) => "violation",
            Self::Memory(_) => "memory",
            Self::Trapped(_) => "trapped",
            Self::InstanceLost => "instance-lost",
            Self::Deadline(_) => "deadline",
            Self::Stopped => "stopped",
            Self::BodyStalled => "body-stalled",
            Self::BodyTooLarge => "body-too-large",
            Self::BodyBroken => "body-broken",
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Raised(text) => write!(f, "the app raised: {text}"),
            Self::Returned => f.write_str("the app returned before its response was complete"),
            Self::Violation(violation) => write!(f, "the app broke the contract: {violation}"),
            Self::Memory(over) => write!(f, "out of memory: {over}"),
            Self::Trapped(text) => write!(f, "the instance trapped in this call: {text}"),
            Self::InstanceLost => f.write_str("the instance ended under this call"),
            Self::Deadline(passed) => passed.fmt(f),
            Self::Stopped => f.write_str("the instance was stopped before the call was done"),
            Self::BodyStalled => f.write_str("the client stopped sending its body"),
            Self::BodyTooLarge => f.write_str("the body is longer than the app takes"),
            Self::BodyBroken => f.write_str("the body is not valid HTTP"),
        }
    }
}

/// How a call ended, for the access line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The response is whole.
    Complete,
    /// The client went away first.
    Disconnected,
    /// It failed.
    Failed(Failure),
}

impl Outcome {
    /// One or two words for the access line.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Complete => "ok",
            Self::Disconnected => "disconnected",
            Self::Failed(failure) => failure.word(),
        }
    }
}
