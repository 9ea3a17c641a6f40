//! Many writers and many watchers that hang up, come back, fall behind and begin anew, on the real binary over TLS: whoever
//! watches learns exactly what happened, also when the server is stopped or killed.
//!
//! `GUESTCLUSTERS_ROUNDS` is how many runs there are, each with other chances; `GUESTCLUSTERS_SEED` repeats one.

// A test stops at the first thing that is not as it must be.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod churn;
mod form;
mod history;
mod object;
mod progress;
mod restarts;
mod stream;
mod watcher;
mod writer;
