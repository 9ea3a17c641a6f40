//! The load generator: connections as real clients have them, requests that are prepared, answers that are checked by status
//! and length. It parses no JSON while it measures.

mod answer;
mod closed_loop;
mod lines;
mod prepared;
mod samples;

pub(crate) use answer::{Answer, Expect};
pub(crate) use closed_loop::{ClosedLoop, Operation, Turn, Until};
pub(crate) use guestcluster_tests::{Connection, Endpoint};
pub(crate) use lines::Lines;
pub(crate) use prepared::{Prepared, Single};
pub(crate) use samples::Samples;
