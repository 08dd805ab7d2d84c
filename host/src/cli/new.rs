//! `wasgi new`
use super::NewArgs;
use std::process::ExitCode;
pub(super) fn run(_args: &NewArgs) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
