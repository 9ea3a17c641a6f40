//! The registry: every served resource, and the verbs over the watch cache and the store.

mod answer;
mod continue_token;
pub mod crd;
mod decode;
mod definition;
mod definition_ref;
mod embedded;
mod index;
pub mod naming;
mod object;
mod resource;
mod scale_kind;
mod selection;
mod serving;
mod strategy;
#[cfg(test)]
mod tests;
mod turns;
mod typed_metadata;
mod verbs;
pub(crate) mod versions;
mod warnings;
mod watching;
mod write;

pub use definition::{
    Cell, Column, CreateSubresource, DecodeProtobuf, Decoder, FieldSource, Hold, NameRule, Names, ResourceDefinition,
    Scale, Secret, SelectableField, Style, Verbs,
};
pub use resource::Resource;
pub use serving::Registry;
pub use strategy::{CreateOnly, Findings, NoRules, ScaleValues, Strategy, StrategyContext};
pub use versions::StoredVersion;
pub(crate) use warnings::Warnings;
pub use write::{DeleteOptions, Deleted, Preconditions, Propagation};
