//! Mixes of layers, ours and upstream's, behind a real kube-apiserver. Needs `hack/components/build cluster-api`.

// A test stops at the first thing that is not as it must be.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod blocked;
#[path = "../blocked/mod.rs"]
mod causes_of_blocks;
mod equal;
mod hung;
mod life;
mod restarts;
mod wishes;
