//! The rules for a GuestCluster: of the object itself, then of what it names.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use generic_apiserver::{
    registry::{Findings, Registry, ScaleValues, Strategy, StrategyContext},
    status::{FieldError, FieldErrorKind, Status},
};
use guestcluster_types::{
    GuestCluster,
    validation::{self, Problem, ProblemKind},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::{
    look_up::{LookUps, not_checked},
    scale,
};

/// The strategy of GuestCluster.
#[derive(Default)]
pub(crate) struct Rules(OnceLock<LookUps>);

impl Rules {
    /// Looks other objects up by this client and in this registry from now on; only the first call counts.
    pub(crate) fn look_up_with(&self, client: kube::Client, registry: &Arc<Registry>) {
        // Both come from the server that these rules are part of, so they can only be set afterwards.
        let _ = self.0.set(LookUps::new(client, registry));
    }

    /// Follows what GuestClusters name, until `stop`, so that most of them are accepted without a question.
    pub(crate) async fn follow(&self, stop: CancellationToken) {
        match self.0.get() {
            Some(look_ups) => look_ups.follow(stop).await,
            None => stop.cancelled().await,
        }
    }

    async fn look_up(&self, namespace: &str, new: &GuestCluster, old: Option<&GuestCluster>) -> Findings {
        match self.0.get() {
            Some(look_ups) => look_ups.check(namespace, new, old).await,
            None => Findings {
                errors: Vec::new(),
                warnings: vec![not_checked("nothing", "the server is starting")],
            },
        }
    }
}

#[async_trait]
impl Strategy for Rules {
    async fn validate_create(&self, context: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        let new = parse(object)?;
        let mut problems: Vec<_> = validation::cluster_name(name(&new)).into_iter().collect();
        problems.extend(validation::create(&new));
        if !problems.is_empty() {
            return Ok(refused(problems));
        }
        Ok(self.look_up(context.namespace, &new, None).await)
    }

    async fn validate_update(
        &self,
        context: &StrategyContext<'_>,
        object: &Value,
        old: &Value,
    ) -> Result<Findings, Status> {
        // Metadata and finalizer writes are never looked at: they must pass whatever became of the rest.
        if object["spec"] == old["spec"] {
            return Ok(Findings::default());
        }
        let (new, old) = (parse(object)?, parse(old)?);
        let problems = validation::update(&new, &old);
        if !problems.is_empty() {
            return Ok(refused(problems));
        }
        Ok(self.look_up(context.namespace, &new, Some(&old)).await)
    }

    fn scale(&self, object: &Value) -> Result<ScaleValues, Status> {
        Ok(scale::read(object))
    }

    fn set_scale(&self, object: &mut Value, replicas: i64) -> Result<(), Status> {
        scale::write(object, replicas)
    }
}

/// A problem of ours as a field error.
pub(crate) fn field_error(problem: Problem) -> FieldError {
    let kind = match problem.kind {
        ProblemKind::Invalid => FieldErrorKind::Invalid,
        ProblemKind::NotSupported => FieldErrorKind::NotSupported,
        ProblemKind::Duplicate => FieldErrorKind::Duplicate,
        ProblemKind::Forbidden => FieldErrorKind::Forbidden,
        ProblemKind::TooLong => FieldErrorKind::TooLong,
    };
    FieldError {
        kind,
        field: problem.field,
        value: problem.value,
        detail: problem.detail,
    }
}

fn refused(problems: Vec<Problem>) -> Findings {
    Findings {
        errors: problems.into_iter().map(field_error).collect(),
        warnings: Vec::new(),
    }
}

/// The object without its managed fields, which no rule is about and which are much of it.
fn parse(object: &Value) -> Result<GuestCluster, Status> {
    let metadata = object["metadata"].as_object().into_iter().flatten();
    let lean: Map<String, Value> = metadata
        .filter(|(field, _)| *field != "managedFields")
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect();
    let cluster = || {
        Ok(GuestCluster {
            metadata: serde_json::from_value(Value::Object(lean))?,
            spec: Deserialize::deserialize(&object["spec"])?,
            status: Deserialize::deserialize(&object["status"])?,
        })
    };
    cluster().map_err(|error: serde_json::Error| Status::bad_request(format!("GuestCluster can't be read: {error}")))
}

fn name(cluster: &GuestCluster) -> &str {
    cluster.metadata.name.as_deref().unwrap_or_default()
}
