//! ResourceQuota: how many objects a namespace may hold, refused when there would be too many, and counted.
//!
//! Admission reserves what a new object uses in `status.used` of each quota that counts it, by compare and write, before the
//! object is stored; a controller counts again when objects go away or a quota changes, and now and then. As kube-apiserver and
//! kube-controller-manager do it, with two differences in the cluster's own quotas: a quota counts from its creation, not from
//! the controller's first look at it, and what is reserved for a write that fails is free again when that is known.
//!
//! What is counted: `count/<resource>.<group>` of every namespaced kind that is served, and the older names `configmaps`, `pods`,
//! `resourcequotas`, `secrets`, `services`, `services.loadbalancers` and `services.nodeports`. Nothing here runs pods, so their
//! CPU and memory are not: such limits are kept, and stay without a number in `status.used`.

mod admission;
mod charge;
mod controller;
mod counts;
mod ledger;
mod meter;
mod pods;
mod registry;
mod resource_quota;

use std::collections::BTreeMap;

pub use self::{
    admission::{QuotaAdmission, Quotas, refused},
    charge::{Asked, Charge, Used},
    resource_quota::ResourceQuota,
};
pub(crate) use self::{controller::QuotaController, registry::ClusterQuotas};
use crate::quantity::Quantity;

/// Amounts by the names that quotas limit: `count/widgets.demo.example.io`, `secrets`.
pub(crate) type Amounts = BTreeMap<String, Quantity>;
