//! What comparing a real kube-apiserver with ours needs, whoever asks both: kinds to be tested, the servers, answers
//! without what differs between any two servers, where they still differ, and what of that is meant.

pub(crate) mod difference;
pub(crate) mod intended;
pub(crate) mod kinds;
pub(crate) mod library;
pub(crate) mod normalise;
pub(crate) mod report;
pub(crate) mod servers;
