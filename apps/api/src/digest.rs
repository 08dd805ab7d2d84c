//! An upload that is hashed piece by piece as it comes in.

use axum::Json;
use axum::body::Body;
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

#[derive(Serialize)]
pub(crate) struct Digest {
    bytes: u64,
    sha256: String,
}

/// `POST /digest`: at most 64 KiB of the upload are in memory at a time, however long it is.
pub(crate) async fn digest(body: Body) -> Result<Json<Digest>, (StatusCode, String)> {
    let mut hasher = Sha256::new();
    let mut bytes = 0;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
        hasher.update(&piece);
        bytes += piece.len() as u64;
    }
    Ok(Json(Digest {
        bytes,
        sha256: format!("{:x}", hasher.finalize()),
    }))
}
