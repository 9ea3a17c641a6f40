//! The exchange: a person known to the supervisor receives a short-lived credential for one guest.
//!
//! Whoever may create `guestclusters/credential` asks; the level asked for is a right of its own; the record is written first,
//! and its UID is what the credential is revoked by.

mod blocks;
mod counts;
#[cfg(test)]
mod documented;
mod guests;
mod keys;
mod pace;
mod record;
mod refused;
mod request;
mod signer;
mod subject_token;

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use generic_apiserver::{
    authz::{Access, Authorizer, Target},
    registry::{CreateOnly, CreateSubresource, Secret, StrategyContext},
    schema::Schema,
    status::{FieldError, Status},
};
use guestcluster_credentials::{Level, Subject, SubjectPolicy, SubjectRefused};
use guestcluster_types::{GROUP, GuestCredentialRequest, Refusal, VERSION};
use jiff::Timestamp;
use kube::core::schema::StructuralSchemaRewriter;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

pub(crate) use counts::Counts;
pub(crate) use guests::Guests;
pub(crate) use subject_token::SubjectTokens;

use counts::Outcome;
use pace::Pace;
use refused::Refused;
use request::Asked;
use signer::Signer;

use crate::audit::Annotation;

/// Path segment under a GuestCluster.
const SUBRESOURCE: &str = "credential";
const KIND: &str = "GuestCredentialRequest";
/// How long the read of one Secret may take.
const READ: Duration = Duration::from_secs(10);

/// What the exchange works with.
pub(crate) struct Exchange {
    policy: SubjectPolicy,
    /// Set once the registry that the exchange is part of runs.
    guests: Arc<OnceLock<Guests>>,
    /// Who decides about levels where the server's own authorizer remembers answers: here nothing may be remembered.
    reviews: Option<Arc<dyn Authorizer>>,
    subject_tokens: SubjectTokens,
    pace: Pace,
    counts: Arc<Counts>,
}

impl Exchange {
    /// An exchange for the people that `policy` selects; `guests` may be set later.
    pub(crate) fn new(
        policy: SubjectPolicy,
        guests: Arc<OnceLock<Guests>>,
        reviews: Option<Arc<dyn Authorizer>>,
        subject_tokens: SubjectTokens,
        counts: Arc<Counts>,
    ) -> Exchange {
        Exchange {
            policy,
            guests,
            reviews,
            subject_tokens,
            pace: Pace::default(),
            counts,
        }
    }

    /// The subresource of GuestCluster that this answers.
    pub(crate) fn subresource(self) -> anyhow::Result<CreateSubresource> {
        // A structural schema refers to nothing, and an enum is a list of values.
        let settings = SchemaSettings::openapi3()
            .with(|settings| settings.inline_subschemas = true)
            .with_transform(StructuralSchemaRewriter);
        let mut schema = serde_json::to_value(
            settings
                .into_generator()
                .into_root_schema_for::<GuestCredentialRequest>(),
        )?;
        for field in ["apiVersion", "kind"] {
            schema["properties"][field] = json!({"type": "string"});
        }
        schema["properties"]["metadata"] = json!({"type": "object"});
        Ok(CreateSubresource {
            name: SUBRESOURCE.to_owned(),
            group: GROUP.to_owned(),
            version: VERSION.to_owned(),
            kind: KIND.to_owned(),
            schema: Arc::new(Schema::root_from_json(&schema)?),
            secrets: vec![Secret {
                within: "/spec",
                field: "subjectToken",
            }],
            handler: Arc::new(self),
        })
    }

    /// 403 unless the caller may have this level, whether the cluster exists or not.
    async fn require_level(&self, context: &StrategyContext<'_>, cluster: &str, level: Level) -> Result<(), Refused> {
        let access = match &self.reviews {
            Some(reviews) => Access::new(context.user, &**reviews),
            None => context
                .access
                .ok_or_else(|| Status::internal("calls within the process exchange nothing"))?,
        };
        let target = Target::Resource {
            group: GROUP,
            version: VERSION,
            resource: "guestclusters",
            subresource: "",
            namespace: context.namespace,
            name: cluster,
        };
        access.require(level.verb(), target).await.map_err(|status| {
            let code = match status.code {
                403 => Refusal::LevelNotGranted,
                _ => Refusal::ReviewFailed,
            };
            Refused::passed_on(code, status)
        })
    }

    fn subject(&self, context: &StrategyContext<'_>, level: Level) -> Result<Subject, Refused> {
        let user = context.user;
        Subject::of(&self.policy, &user.name, &user.groups, user.uid.as_deref(), level).map_err(|why| of_subject(&why))
    }

    /// The body of the answer, or why there is none. `level` is set as soon as it is known.
    async fn answer(
        &self,
        context: &StrategyContext<'_>,
        cluster: &str,
        mut body: Value,
        level: &mut Option<Level>,
    ) -> Result<(Outcome, Value), Refused> {
        let notes = context.notes;
        self.pace.admit(&context.user.name)?;
        let token = request::take_subject_token(&mut body);
        let asked = Asked::read(&body)?;
        *level = Some(asked.level);
        self.subject_tokens.check(context.user, token.as_ref()).await?;
        let subject = self.subject(context, asked.level)?;
        self.require_level(context, cluster, asked.level).await?;

        let guests = self
            .guests
            .get()
            .ok_or_else(|| Refused::new(Refusal::Unavailable, "the server is starting"))?;
        // What was written before this request counts: who was blocked gets nothing.
        guests.catch_up().await?;
        let guest = guests.find(context.namespace, cluster).await?;
        Annotation::GuestUid.add(notes, &guest.uid);
        blocks::check(guests, context.namespace, &guest, &subject)?;
        if context.dry_run {
            return Ok((Outcome::DryRun, body));
        }
        let signer = Signer::of(guests, context.namespace, &guest, &asked).await?;
        let now = whole_seconds(Timestamp::now());
        let record = record::write(guests, context, &guest, &subject, &asked, now).await?;
        let expires = now + asked.lifetime;
        Annotation::CredentialName.add(notes, &record.name);
        Annotation::CredentialExpires.add(notes, expires);
        let made = signer.sign(&guest, &subject, &asked, &record).map_err(|error| {
            tracing::error!(error, guest = guest.uid, "a credential could not be signed");
            Refused::new(Refusal::InternalError, "the credential could not be signed")
        })?;
        Annotation::CredentialId.add(notes, made.id(&record));
        Ok((Outcome::Made, request::answered(body, &record, &guest, made, expires)))
    }
}

#[async_trait]
impl CreateOnly for Exchange {
    async fn create(&self, context: &StrategyContext<'_>, parent: Option<&str>, body: Value) -> Result<Value, Status> {
        let cluster = parent.unwrap_or_default();
        let (began, mut level) = (Instant::now(), None);
        let answer = self.answer(context, cluster, body, &mut level).await;
        let outcome = match &answer {
            Ok((outcome, _)) => *outcome,
            Err(refused) => Outcome::Refused(refused.code),
        };
        self.counts.ended(outcome, level, began.elapsed());
        if let Some(level) = level {
            Annotation::CredentialLevel.add(context.notes, level);
        }
        Annotation::CredentialResult.add(context.notes, outcome.as_str());
        let answer = answer.map(|(_, body)| body);
        answer.map_err(|refused| refused.into_status(cluster, context.notes.audit_id()))
    }
}

fn of_subject(why: &SubjectRefused) -> Refused {
    let words = why.to_string();
    match why {
        SubjectRefused::NotSso { .. } => Refused::new(Refusal::NotSingleSignOn, words),
        SubjectRefused::Reserved => Refused::new(Refusal::ReservedName, words),
        SubjectRefused::ServiceAccount => Refused::new(Refusal::ServiceAccount, words),
        SubjectRefused::TooManyGroups { .. } => {
            Refused::field(Refusal::TooManyGroups, FieldError::forbidden("user.groups", words))
        }
        SubjectRefused::Unusable => Refused::new(Refusal::UnusableName, words),
    }
}

/// As Kubernetes writes times, and tokens count them.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
