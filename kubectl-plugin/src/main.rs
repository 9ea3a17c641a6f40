//! `kubectl guest`: guest clusters at the prompt.
fn main() {}
