//! Guests of a simulation in this process, asked with tokens as their users would.

mod bench;
mod levels;
mod tokens;
mod trust;
