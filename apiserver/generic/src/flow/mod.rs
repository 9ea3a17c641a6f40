//! How much at once and for how long: in-flight limits with turns for each user, bodies that arrive, and request deadlines.

mod arriving;
mod deadline;
mod in_flight;
mod lane;
mod turns;

pub use self::{
    arriving::{Arriving, Share, TooMuch},
    deadline::{InvalidTimeout, deadline},
    in_flight::{InFlight, Load},
    lane::{Full, Ticket},
};
