//! Role-based access control: who may do what, decided from the roles and bindings in the watch cache.

pub(crate) mod aggregate;
mod authorizer;
mod bootstrap;
mod escalation;
mod index;
mod policy;

pub use authorizer::{NotServed, Rbac};
pub(crate) use bootstrap::reconciled;
pub use bootstrap::{default_objects, kubeadm_objects};
pub use escalation::EscalationGuard;
pub use policy::PolicyRule;
