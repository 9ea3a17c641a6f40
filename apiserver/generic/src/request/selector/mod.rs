//! Label and field selectors: their syntax and what they match.

mod field;
#[cfg(test)]
mod fuzz;
mod label;
mod label_parser;

pub use field::{FieldSelector, FieldTerm};
pub use label::{LabelSelector, Requirement};
