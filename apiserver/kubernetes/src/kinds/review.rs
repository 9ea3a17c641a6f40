//! The virtual kinds: reviews of access and of the caller. A POST is answered at once, nothing is stored.

mod validate;

use std::sync::Arc;

use async_trait::async_trait;
use generic_apiserver::{
    FieldError, Status,
    authn::User,
    authz::{Access, Attributes, Decision, HeldRules, Target},
    registry::{CreateOnly, ResourceDefinition, StrategyContext, Verbs},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    builtin::{self, Builtin},
    cells::{items, text},
};

const AUTHORIZATION: &str = "authorization.k8s.io";
const AUTHENTICATION: &str = "authentication.k8s.io";

pub(super) fn definitions() -> [ResourceDefinition; 5] {
    let self_access = include_str!("../../schemas/selfsubjectaccessreviews.authorization.k8s.io.json");
    let self_rules = include_str!("../../schemas/selfsubjectrulesreviews.authorization.k8s.io.json");
    let access = include_str!("../../schemas/subjectaccessreviews.authorization.k8s.io.json");
    let local_access = include_str!("../../schemas/localsubjectaccessreviews.authorization.k8s.io.json");
    let self_subject = include_str!("../../schemas/selfsubjectreviews.authentication.k8s.io.json");
    let of = |kind: &str, schema| {
        builtin::of(
            (AUTHORIZATION, "v1"),
            kind,
            &format!("{}s", kind.to_lowercase()),
            schema,
        )
    };
    [
        answered(
            builtin::of(
                (AUTHENTICATION, "v1"),
                "SelfSubjectReview",
                "selfsubjectreviews",
                self_subject,
            )
            .cluster_scoped(),
            SelfSubject,
        ),
        answered(of("LocalSubjectAccessReview", local_access), LocalAccess),
        answered(of("SelfSubjectAccessReview", self_access).cluster_scoped(), SelfAccess),
        answered(of("SelfSubjectRulesReview", self_rules).cluster_scoped(), SelfRules),
        answered(of("SubjectAccessReview", access).cluster_scoped(), OthersAccess),
    ]
}

fn answered(kind: Builtin, handler: impl CreateOnly) -> ResourceDefinition {
    kind.change(|definition| {
        definition.verbs = Verbs::Create;
        definition.virtual_create = Some(Arc::new(handler));
    })
    .build()
}

/// May the caller do it?
struct SelfAccess;

#[async_trait]
impl CreateOnly for SelfAccess {
    async fn create(&self, context: &StrategyContext<'_>, _: Option<&str>, review: Value) -> Result<Value, Status> {
        let access = access(context)?;
        refuse(validate::own(&review))?;
        let question = Question::read(&review)?;
        Ok(with_status(review, decide(access, context.user, &question).await))
    }
}

/// May somebody do it?
struct OthersAccess;

#[async_trait]
impl CreateOnly for OthersAccess {
    async fn create(&self, context: &StrategyContext<'_>, _: Option<&str>, review: Value) -> Result<Value, Status> {
        let access = access(context)?;
        refuse(validate::others(&review))?;
        let (question, user) = (Question::read(&review)?, subject(&review));
        Ok(with_status(review, decide(access, &user, &question).await))
    }
}

/// May somebody do it in this namespace?
struct LocalAccess;

#[async_trait]
impl CreateOnly for LocalAccess {
    async fn create(&self, context: &StrategyContext<'_>, _: Option<&str>, review: Value) -> Result<Value, Status> {
        let access = access(context)?;
        refuse(validate::local(&review))?;
        let (question, user) = (Question::read(&review)?, subject(&review));
        Ok(with_status(review, decide(access, &user, &question).await))
    }
}

/// What may the caller do?
struct SelfRules;

#[async_trait]
impl CreateOnly for SelfRules {
    async fn create(&self, context: &StrategyContext<'_>, _: Option<&str>, review: Value) -> Result<Value, Status> {
        let namespace = text(&review, "/spec/namespace");
        if namespace.is_empty() {
            return Err(Status::bad_request("no namespace on request"));
        }
        let held = access(context)?.authorizer().held_rules(context.user, namespace).await;
        Ok(json!({
            "apiVersion": review["apiVersion"], "kind": review["kind"], "metadata": {}, "spec": {},
            "status": rules_status(&held),
        }))
    }
}

/// Who is the caller?
struct SelfSubject;

#[async_trait]
impl CreateOnly for SelfSubject {
    async fn create(&self, context: &StrategyContext<'_>, _: Option<&str>, review: Value) -> Result<Value, Status> {
        let User {
            name,
            uid,
            groups,
            extra,
        } = context.user;
        let mut info = Map::from_iter([("username".to_owned(), Value::from(name.as_str()))]);
        if let Some(uid) = uid {
            info.insert("uid".to_owned(), uid.as_str().into());
        }
        if !groups.is_empty() {
            info.insert("groups".to_owned(), json!(groups));
        }
        if !extra.is_empty() {
            info.insert("extra".to_owned(), json!(extra));
        }
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        Ok(json!({
            "apiVersion": review["apiVersion"], "kind": review["kind"],
            "metadata": {"creationTimestamp": now},
            "status": {"userInfo": info},
        }))
    }
}

fn access<'a>(context: &StrategyContext<'a>) -> Result<Access<'a>, Status> {
    context
        .access
        .ok_or_else(|| Status::internal("a review needs the server's authorizer"))
}

fn refuse(errors: Vec<FieldError>) -> Result<(), Status> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(Status::invalid("", AUTHORIZATION, "", errors))
}

fn with_status(mut review: Value, status: Value) -> Value {
    review["status"] = status;
    review
}

/// `spec.resourceAttributes` or `spec.nonResourceAttributes`.
enum Question {
    Resource(ResourceAttributes),
    Path(PathAttributes),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResourceAttributes {
    namespace: String,
    verb: String,
    group: String,
    version: String,
    resource: String,
    subresource: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PathAttributes {
    path: String,
    verb: String,
}

impl Question {
    fn read(review: &Value) -> Result<Question, Status> {
        let spec = &review["spec"];
        let unreadable = |error: serde_json::Error| Status::bad_request(format!("spec: {error}"));
        match (&spec["resourceAttributes"], &spec["nonResourceAttributes"]) {
            (Value::Null, path) => PathAttributes::deserialize(path)
                .map(Question::Path)
                .map_err(unreadable),
            (resource, _) => ResourceAttributes::deserialize(resource)
                .map(Question::Resource)
                .map_err(unreadable),
        }
    }

    fn about<'a>(&'a self, user: &'a User) -> Attributes<'a> {
        match self {
            Question::Path(asked) => Attributes {
                user,
                verb: &asked.verb,
                target: Target::Path(&asked.path),
            },
            Question::Resource(asked) => Attributes {
                user,
                verb: &asked.verb,
                target: Target::Resource {
                    group: &asked.group,
                    version: &asked.version,
                    resource: &asked.resource,
                    subresource: &asked.subresource,
                    namespace: &asked.namespace,
                    name: &asked.name,
                },
            },
        }
    }
}

async fn decide(access: Access<'_>, user: &User, question: &Question) -> Value {
    match access.authorizer().authorize(&question.about(user)).await {
        Ok(Decision::Allow { reason }) => decided(json!({"allowed": true}), "reason", reason),
        Ok(Decision::Deny { reason }) => decided(json!({"allowed": false, "denied": true}), "reason", reason),
        Ok(Decision::NoOpinion { reason }) => decided(json!({"allowed": false}), "reason", reason),
        Err(error) => decided(json!({"allowed": false}), "evaluationError", error),
    }
}

fn decided(mut status: Value, field: &str, text: String) -> Value {
    if !text.is_empty() {
        status[field] = text.into();
    }
    status
}

/// The user that a review names. Unlike a request's user it is taken as it is, without `system:authenticated`.
fn subject(review: &Value) -> User {
    let spec = &review["spec"];
    let groups: Vec<String> = items(spec, "/groups")
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let name = text(spec, "/user").to_owned();
    let extra = serde_json::from_value(spec["extra"].clone()).unwrap_or_default();
    let uid = Some(text(spec, "/uid"))
        .filter(|uid| !uid.is_empty())
        .map(str::to_owned);
    User {
        name,
        uid,
        groups,
        extra,
    }
}

fn rules_status(held: &HeldRules) -> Value {
    let resources: Vec<Value> = held
        .resources
        .iter()
        .map(|rule| {
            let mut shown = json!({"verbs": rule.verbs, "apiGroups": rule.api_groups, "resources": rule.resources});
            if !rule.resource_names.is_empty() {
                shown["resourceNames"] = json!(rule.resource_names);
            }
            shown
        })
        .collect();
    let paths: Vec<Value> = held
        .paths
        .iter()
        .map(|rule| json!({"verbs": rule.verbs, "nonResourceURLs": rule.paths}))
        .collect();
    let status = json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": held.incomplete});
    decided(status, "evaluationError", held.problem.clone())
}
