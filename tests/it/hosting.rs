//! Many apps of many tenants in one server: which one a request is for, how they come and go, and that they are nothing to
//! each other.

mod deploy;
mod isolation;
mod routes;

pub(crate) use routes::say_whose_it_is;
