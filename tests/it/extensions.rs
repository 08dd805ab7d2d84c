//! Extensions of the response: trailers (`E-06`), files of the app as the body (`E-02`), early hints (`E-04`).

mod pathsend;
mod trailers;
