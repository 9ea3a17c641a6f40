//! Programs that run as children of this process: started, started again when they end, and never left behind.

mod bound;
mod children;
mod log;
mod spawner;

pub use bound::bound;
pub(crate) use children::{Children, Program};
pub use spawner::Launcher;
pub(crate) use spawner::Spawner;
