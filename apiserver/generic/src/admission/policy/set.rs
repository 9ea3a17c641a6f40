//! All policies and bindings of a cluster.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::compiled::{Binding, Policy};

/// Policies and bindings by their names, compiled when they are set.
#[derive(Debug, Default)]
pub struct Policies {
    policies: BTreeMap<String, Arc<Policy>>,
    bindings: BTreeMap<String, Arc<Binding>>,
}

/// A policy that is in force by its bindings.
#[derive(Clone, Debug)]
pub struct Hook {
    pub(super) policy: Arc<Policy>,
    pub(super) bindings: Vec<Arc<Binding>>,
}

impl Policies {
    /// Takes in a `ValidatingAdmissionPolicy`. The error says why it can't be read.
    pub fn set_policy(&mut self, object: &Value) -> Result<(), String> {
        let policy = Policy::read(object)?;
        self.policies.insert(policy.name.clone(), Arc::new(policy));
        Ok(())
    }

    /// Takes in a `ValidatingAdmissionPolicyBinding`. The error says why it can't be read.
    pub fn set_binding(&mut self, object: &Value) -> Result<(), String> {
        let binding = Binding::read(object)?;
        self.bindings.insert(binding.name.clone(), Arc::new(binding));
        Ok(())
    }

    /// Forgets the policies whose names are not kept.
    pub fn retain_policies(&mut self, keep: impl Fn(&str) -> bool) {
        self.policies.retain(|name, _| keep(name));
    }

    /// Forgets the bindings whose names are not kept.
    pub fn retain_bindings(&mut self, keep: impl Fn(&str) -> bool) {
        self.bindings.retain(|name, _| keep(name));
    }

    /// The policies that have bindings, by their names: who refuses first is then the same on every server.
    pub fn hooks(&self) -> Arc<[Hook]> {
        let hook = |policy: &Arc<Policy>| {
            let bindings = self.bindings.values().filter(|binding| binding.policy == policy.name);
            let bindings: Vec<_> = bindings.cloned().collect();
            (!bindings.is_empty()).then(|| Hook {
                policy: policy.clone(),
                bindings,
            })
        };
        self.policies.values().filter_map(hook).collect()
    }
}
