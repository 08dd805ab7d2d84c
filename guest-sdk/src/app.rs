//! What an app is, and the macro that makes a component of one.

use std::future::Future;

use crate::{Error, Receive, Scope, Send};

/// An ASGI 3.0 app: one async callable of scope, receive and send, called once per scope (`A-01`).
///
/// Every `async fn(Scope, Receive, Send) -> Result<(), E>` is one. Implement it yourself when the app has
/// fields:
///
/// ```
/// use wasgi_sdk::{App, Error, Receive, Scope, Send};
///
/// struct Greeter { greeting: &'static str }
///
/// impl App for Greeter {
///     fn call(&self, scope: Scope, _receive: Receive, send: Send) -> impl Future<Output = Result<(), Error>> + 'static {
///         let greeting = self.greeting;
///         async move {
///             scope.into_http()?;
///             send.respond(200, [("content-type", "text/plain")], greeting).await?;
///             Ok(())
///         }
///     }
/// }
///
/// wasgi_sdk::app!(Greeter { greeting: "hello" });
/// ```
///
/// The future need not be `Send`: an instance is one thread. An error that comes out of it is the app raising
/// (`A-10`): before the start of a response that is a 500, later the response is cut off (`X-01`–`X-04`).
///
/// # Panics
///
/// A panic in an app is a trap: it ends the *instance*, every call in it fails, and the host starts another one
/// (`G-04`). Nothing in a guest can catch it. Return errors.
pub trait App: 'static {
    /// Serves one scope.
    fn call(
        &self,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> impl Future<Output = Result<(), Error>> + 'static;
}

impl<F, Fut, E> App for F
where
    F: Fn(Scope, Receive, Send) -> Fut + 'static,
    Fut: Future<Output = Result<(), E>> + 'static,
    E: Into<Error>,
{
    fn call(
        &self,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> impl Future<Output = Result<(), Error>> + 'static {
        let future = self(scope, receive, send);
        async move { future.await.map_err(Into::into) }
    }
}

/// Makes the crate a component that serves this app. Once per crate, which must be a `cdylib`.
///
/// ```
/// use wasgi_sdk::{Error, Receive, Scope, Send};
///
/// async fn app(scope: Scope, _receive: Receive, send: Send) -> Result<(), Error> {
///     scope.into_http()?;
///     send.start(200, [("content-type", "text/plain")]).await?;
///     send.body("Hello, world!", false).await?;
///     Ok(())
/// }
///
/// wasgi_sdk::app!(app);
/// ```
///
/// The argument is an expression for an [`App`], evaluated once per instance. Exports appear on wasm only: natively
/// the macro checks the type and does nothing, so `cargo test`, clippy and an `rlib` beside the `cdylib` work.
#[macro_export]
macro_rules! app {
    ($app:expr) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Component;

            impl $crate::__private::bindings::Guest for Component {
                async fn run() {
                    $crate::__private::run($app).await;
                }
            }

            $crate::__private::bindings::export_run!(Component with_types_in $crate::__private::bindings);
        };

        #[cfg(not(target_arch = "wasm32"))]
        const _: fn() = || $crate::__private::check($app);
    };
}
