//! The layers as they run behind a real kube-apiserver: GuestClusters in a store of their own, all else in the host's.

mod front;
mod kinds;
mod orphans;
mod owners;
