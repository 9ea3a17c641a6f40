//! The registry: every served resource, and the verbs over the watch cache and the store.

pub mod crd;
mod definition;
mod strategy;

pub use definition::{
    Cell, Column, CreateSubresource, NameRule, Names, ResourceDefinition, Scale, SelectableField, Style, Verbs,
};
pub use strategy::{CreateOnly, Findings, NoRules, ScaleValues, Strategy, StrategyContext};
