//! The Python SDK, as the build script has put it into this program: an installed `wasgi` needs no checkout.

#![allow(missing_docs, reason = "generated")]

include!(concat!(env!("OUT_DIR"), "/python_sdk.rs"));
