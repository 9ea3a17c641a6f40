//! The host's own admission objects, for our kinds: kube-apiserver asks them about its own objects alone.

mod followed;
mod params;
mod policies;
#[cfg(test)]
mod tests;

pub(super) use policies::HostPolicies;
