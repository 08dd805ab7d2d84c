//! What the tests of `receive` and of `send` share.

use wasgi_sdk::{App, Error, Receive, Scope, Send};

/// An app for HTTP alone.
pub(crate) fn http<F, Fut>(handler: F) -> impl App
where
    F: Fn(Receive, Send) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<(), Error>> + 'static,
{
    move |scope: Scope, receive, send| {
        let handler = handler.clone();
        async move {
            scope.into_http()?;
            handler(receive, send).await
        }
    }
}
