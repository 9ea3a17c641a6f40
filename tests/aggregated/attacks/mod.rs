//! What somebody in the network can try at the port of an aggregated server, past kube-apiserver. `docs/attacks.md` lists the
//! attacks and where each is shown.

mod handshakes;
mod headers;
mod requests;
mod target;
