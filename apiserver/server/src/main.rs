//! `guestcluster-apiserver`: the supervisor of guest clusters.
fn main() {}
