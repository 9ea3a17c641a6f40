//! The kinds of guestclusters.dev, and the part of the upstream kinds that we write or read. No IO.

pub mod upstream;
