//! How much at once and for how long: in-flight limits with turns for each user, and request deadlines.

mod deadline;
mod in_flight;
mod lane;
mod turns;

pub use self::{
    deadline::{InvalidTimeout, deadline},
    in_flight::{InFlight, Load},
    lane::{Full, Ticket},
};
