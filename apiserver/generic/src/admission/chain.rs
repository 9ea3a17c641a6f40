//! The plug-ins of a server, in their order.

use std::{sync::Arc, time::Instant};

use serde_json::Value;

use super::{Admission, AdmissionRequest, Reinvocation, Step, durations::Durations};
use crate::status::Status;

/// Plug-ins, asked one after the other; the first that refuses decides.
#[derive(Default)]
pub(crate) struct Chain {
    plugins: Box<[Arc<dyn Admission>]>,
    durations: Durations,
}

impl Chain {
    pub(crate) fn new(plugins: Vec<Arc<dyn Admission>>) -> Chain {
        Chain {
            plugins: plugins.into(),
            durations: Durations::default(),
        }
    }

    /// The first step: plug-ins may change the object, and see what those before them made of it. Those that want to are asked
    /// once more in the end, where the object is another than the one that they left.
    pub(crate) async fn admit(&self, request: &AdmissionRequest<'_>, object: Option<&mut Value>) -> Result<(), Status> {
        let began = Instant::now();
        let outcome = self.admit_all(request, object).await;
        self.passed(Step::Admit, request, began, outcome)
    }

    async fn admit_all(&self, request: &AdmissionRequest<'_>, mut object: Option<&mut Value>) -> Result<(), Status> {
        let mut left = Vec::new();
        for plugin in self.handling(Step::Admit, request) {
            self.admit_by(plugin, request, object.as_deref_mut()).await?;
            if plugin.reinvocation() == Reinvocation::IfNeeded
                && let Some(object) = &object
            {
                left.push((plugin, Value::clone(object)));
            }
        }
        for (plugin, left) in left {
            if object.as_deref().is_some_and(|object| *object != left) {
                self.admit_by(plugin, request, object.as_deref_mut()).await?;
            }
        }
        Ok(())
    }

    async fn admit_by(
        &self,
        plugin: &Arc<dyn Admission>,
        request: &AdmissionRequest<'_>,
        object: Option<&mut Value>,
    ) -> Result<(), Status> {
        let asked = Instant::now();
        let answer = plugin.admit(request, object).await;
        self.heard(plugin.name(), Step::Admit, request, asked, answer)
    }

    /// The second step, on the final object. When a plug-in refuses, what those before it set aside is free again.
    pub(crate) async fn validate(&self, request: &AdmissionRequest<'_>, object: Option<&Value>) -> Result<(), Status> {
        let began = Instant::now();
        let mut outcome = Ok(());
        for plugin in self.handling(Step::Validate, request) {
            let asked = Instant::now();
            let answer = plugin.validate(request, object).await;
            outcome = self.heard(plugin.name(), Step::Validate, request, asked, answer);
            if outcome.is_err() {
                request.notes.settle();
                break;
            }
        }
        self.passed(Step::Validate, request, began, outcome)
    }

    /// Appends how long plug-ins took, in the text exposition format.
    pub(crate) fn append_metrics(&self, page: &mut String) {
        self.durations.append(page);
    }

    fn handling<'c>(
        &'c self,
        step: Step,
        request: &'c AdmissionRequest<'_>,
    ) -> impl Iterator<Item = &'c Arc<dyn Admission>> + Send {
        self.plugins.iter().filter(move |plugin| plugin.handles(step, request))
    }

    /// Counts an answer. A failure that does not say of what sort it is names its plug-in, as people must know what failed.
    fn heard(
        &self,
        plugin: &'static str,
        step: Step,
        request: &AdmissionRequest<'_>,
        asked: Instant,
        answer: Result<(), Status>,
    ) -> Result<(), Status> {
        self.durations
            .of_plugin(plugin, step, request.operation, answer.is_err(), asked.elapsed());
        answer.map_err(|mut status| {
            if status.code >= 500 {
                let resource = request.resource.names.group_resource();
                tracing::warn!(plugin, resource, error = status.message, "admission failed");
                if status.reason.is_empty() {
                    status.message = format!("admission plugin {plugin:?} failed: {}", status.message);
                }
            }
            status
        })
    }

    fn passed(
        &self,
        step: Step,
        request: &AdmissionRequest<'_>,
        began: Instant,
        outcome: Result<(), Status>,
    ) -> Result<(), Status> {
        if !self.plugins.is_empty() {
            self.durations
                .of_step(step, request.operation, outcome.is_err(), began.elapsed());
        }
        outcome
    }
}
