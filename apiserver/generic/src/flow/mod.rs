//! How much at once and for how long: in-flight limits and request deadlines.

mod deadline;
mod in_flight;

pub use self::{
    deadline::{InvalidTimeout, deadline},
    in_flight::{InFlight, Ticket},
};
