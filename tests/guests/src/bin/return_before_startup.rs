//! Breaks the contract: returns from `run` at once.

wasgi_guests::raw_app!(());

fn main() {}
