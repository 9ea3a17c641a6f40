//! The Go structs behind the core kinds: what of a body they can hold, and what JSON then shows of them.
//!
//! kube-apiserver decodes every object of a built-in kind into a struct and encodes it again. Clients see both: the decoder's words
//! where a value does not fit, and the encoder's form where it does, with times in UTC, quantities in their shortest form, empty
//! fields left out or written, as each field's tag says.

mod bytes;
mod hold;
mod place;
mod table;
#[cfg(test)]
mod tests;
mod time;

pub(crate) use hold::hold;
pub(crate) use table::{Field, Many, Shape, Struct, Table};
