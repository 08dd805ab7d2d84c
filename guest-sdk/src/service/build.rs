//! The shapes in which an app may hand over its service. Nothing else.

use std::future::Future;

use super::HttpService;
use crate::Error;

/// What builds a service: see [`service!`](crate::service!). `Kind` tells the three shapes apart and is inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not build a tower service",
    note = "expected `fn() -> S`, `async fn() -> S` or `async fn() -> Result<S, E>` \
            where `S: Service<http::Request<wasgi_sdk::service::Body>> + Clone`"
)]
pub trait Build<Kind>: 'static {
    /// What is built.
    type Service: HttpService;

    /// Builds it.
    fn build(&self) -> impl Future<Output = Result<Self::Service, Error>> + 'static;
}

/// The three shapes of [`Build`].
pub mod kind {
    /// `fn() -> S`
    #[derive(Debug)]
    pub struct Plain;
    /// `async fn() -> S`
    #[derive(Debug)]
    pub struct Async;
    /// `async fn() -> Result<S, E>`
    #[derive(Debug)]
    pub struct Fallible;
}

impl<F, S> Build<kind::Plain> for F
where
    F: Fn() -> S + 'static,
    S: HttpService,
{
    type Service = S;

    fn build(&self) -> impl Future<Output = Result<S, Error>> + 'static {
        std::future::ready(Ok(self()))
    }
}

impl<F, Fut, S> Build<kind::Async> for F
where
    F: Fn() -> Fut + 'static,
    Fut: Future<Output = S> + 'static,
    S: HttpService,
{
    type Service = S;

    fn build(&self) -> impl Future<Output = Result<S, Error>> + 'static {
        let building = self();
        async move { Ok(building.await) }
    }
}

impl<F, Fut, S, E> Build<kind::Fallible> for F
where
    F: Fn() -> Fut + 'static,
    Fut: Future<Output = Result<S, E>> + 'static,
    S: HttpService,
    E: Into<Error> + 'static,
{
    type Service = S;

    fn build(&self) -> impl Future<Output = Result<S, Error>> + 'static {
        let building = self();
        async move { building.await.map_err(Into::into) }
    }
}
