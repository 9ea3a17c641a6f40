//! The guest layer: what it writes for a GuestCluster, what it makes of what it sees, and what it leaves alone.

mod left_alone;
mod life;
mod world;
