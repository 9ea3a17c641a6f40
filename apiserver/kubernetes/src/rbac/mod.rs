//! Role-based access control: who may do what, decided from the roles and bindings in the watch cache.

mod aggregate;
mod authorizer;
mod bootstrap;
mod controller;
mod escalation;
mod index;
mod policy;

pub use authorizer::{NotServed, Rbac};
pub(crate) use bootstrap::reconciled;
pub use bootstrap::{default_objects, kubeadm_objects};
pub(crate) use controller::AggregationController;
pub use escalation::EscalationGuard;
pub use policy::PolicyRule;
