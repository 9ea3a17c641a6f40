//! The plug-in: asks each policy that is about a write.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::{
    super::{
        Admission, AdmissionRequest, Step,
        expression::{Seen, request_object},
    },
    compiled::{Binding, Policy},
    denial::Outcome,
    params::{self, PolicySource},
};
use crate::status::Status;

/// `ValidatingAdmissionPolicy`: judges final objects by the policies of a source.
pub struct ValidatingPolicies {
    source: Arc<dyn PolicySource>,
}

impl ValidatingPolicies {
    /// The policies that this source knows.
    pub fn new(source: Arc<dyn PolicySource>) -> ValidatingPolicies {
        ValidatingPolicies { source }
    }
}

#[async_trait]
impl Admission for ValidatingPolicies {
    fn name(&self) -> &'static str {
        "ValidatingAdmissionPolicy"
    }

    fn handles(&self, step: Step, request: &AdmissionRequest<'_>) -> bool {
        step == Step::Validate && request.is_for_policies()
    }

    async fn validate(&self, request: &AdmissionRequest<'_>, object: Option<&Value>) -> Result<(), Status> {
        let hooks = self.source.hooks().await.map_err(|why| Status::not_ready(&why))?;
        if hooks.is_empty() {
            return Ok(());
        }
        let write = Write {
            request,
            object,
            described: request_object(request),
            source: &*self.source,
        };
        let mut outcome = Outcome::default();
        for hook in &*hooks {
            let (policy, surroundings) = (&*hook.policy, write.source);
            match policy.matcher.matches(request, object, surroundings).await {
                Ok(true) => {}
                Ok(false) => continue,
                Err(status) => {
                    outcome.misconfigured(policy, None, &status.message);
                    continue;
                }
            }
            for binding in &hook.bindings {
                write.ask(policy, binding, &mut outcome).await?;
            }
            outcome.publish(policy, request);
        }
        outcome.end(request)
    }
}

/// A write that policies are asked about.
struct Write<'a> {
    request: &'a AdmissionRequest<'a>,
    object: Option<&'a Value>,
    /// `request` in expressions.
    described: Value,
    source: &'a dyn PolicySource,
}

impl Write<'_> {
    async fn ask<'p>(&self, policy: &'p Policy, binding: &'p Binding, outcome: &mut Outcome<'p>) -> Result<(), Status> {
        let matches = match &binding.matcher {
            None => Ok(true),
            Some(matcher) => matcher.matches(self.request, self.object, self.source).await,
        };
        match matches {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(status) => {
                outcome.misconfigured(policy, Some(binding), &status.message);
                return Ok(());
            }
        }
        let params = match params::collect(self.source, policy, binding, self.request.namespace).await {
            Ok(params) => params,
            Err(why) => {
                outcome.misconfigured(policy, Some(binding), &why);
                return Ok(());
            }
        };
        let namespace = self.namespace().await?;
        for params in params {
            let seen = Seen {
                object: self.object,
                old_object: self.request.old,
                request: Some(&self.described),
                namespace: namespace.as_deref(),
                params: params.as_ref(),
            };
            outcome.take(policy, binding, policy.judge(seen), self.request);
        }
        Ok(())
    }

    /// None where the object is in no namespace, or is one.
    async fn namespace(&self) -> Result<Option<Arc<Value>>, Status> {
        let kind = self.request.kind;
        let is_namespace = kind.group.is_empty() && kind.version == "v1" && kind.kind == "Namespace";
        match self.request.namespace {
            "" => Ok(None),
            _ if is_namespace => Ok(None),
            name => self.source.namespace(name).await.map(Some),
        }
    }
}
