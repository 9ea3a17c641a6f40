//! One run over one guest: dereference, validate, build, apply, status.

use std::{sync::Arc, time::Duration};

use guestcluster_types::{
    DistributionStatus, EtcdMode, GuestCluster, GuestClusterStatus, labels::FINALIZER, upstream::capi::Cluster,
};
use jiff::Timestamp;
use kube::{
    Client, ResourceExt,
    runtime::{controller::Action, reflector::Store},
};
use tokio::time::error::Elapsed;

use super::{
    apply::{self, Failure, Writer},
    build::{self, Desired, build},
    delete::{self, Ending},
    dereference::{self, Layers, belongs_to},
    etcd, events,
    identity::{self, Others},
    keys::{Expected, Keys},
    mirror::Knowledge,
    mirrors::{Mirrors, Needed},
    plan::{Blocked, Identity, Plan},
    readiness,
    status::{self, Input},
    validate::{self, Catalogue},
    writing::{Pen, Written},
};
use crate::{
    reports::{Report, Reports},
    retries::{DEADLINE, Retries, Retry, summary},
};

/// How soon a guest is looked at again that something blocks which no watch may tell of, such as a name that is taken.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The same for what an administrator is about to mend: a right, a quota, a webhook.
const LOOK_AGAIN_SOON: Duration = Duration::from_secs(15);

/// What every run has.
pub(super) struct Context {
    client: Client,
    mirrors: Arc<Mirrors>,
    guests: Store<GuestCluster>,
    written: Written,
    retries: Retries,
    keys: Keys,
    reports: Reports,
    etcd: etcd::Certificates,
}

/// Why a run did not come to its end; it is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The API server did not answer, or not as it should.
    #[error("{}", summary(.0))]
    Api(#[from] kube::Error),
    /// The API server did not answer at all.
    #[error("no answer within {} s", DEADLINE.as_secs())]
    Deadline(#[from] Elapsed),
}

/// What a run found out, for the status.
struct Outcome {
    guest: Arc<GuestCluster>,
    identity: Option<Identity>,
    layers: Layers,
    wanted: Option<(Plan, Desired)>,
    blocked: Option<Blocked>,
    /// What the guest's nodes report about credentials.
    report: Report,
}

/// Brings one guest a step nearer to what is asked for.
pub(super) async fn reconcile(guest: Arc<GuestCluster>, context: Arc<Context>) -> Result<Action, Error> {
    if context.written.is_before(&guest) {
        // The event of our own write is on its way.
        return Ok(Action::await_change());
    }
    let action = match (
        guest.metadata.deletion_timestamp.is_some(),
        guest.finalizers().iter().any(|it| it == FINALIZER),
    ) {
        (true, true) => end(&context, guest.clone()).await?,
        (true, false) => Action::await_change(),
        (false, true) => keep(&context, guest.clone()).await?,
        (false, false) => {
            context.pen().set_finalizer(&guest, true).await?;
            Action::await_change()
        }
    };
    context.retries.clear(&guest.uid().unwrap_or_default());
    Ok(action)
}

/// How long to wait before a run that failed is tried again.
pub(super) fn retry(guest: Arc<GuestCluster>, error: &Error, context: Arc<Context>) -> Action {
    let message = error.to_string();
    let Retry { pause, is_news } = context.retries.failed(&guest.uid().unwrap_or_default(), &message);
    let (namespace, name) = (guest.namespace().unwrap_or_default(), guest.name_any());
    if is_news {
        tracing::warn!(namespace, guest = name, message, "trying again");
    } else {
        tracing::debug!(namespace, guest = name, message, ?pause, "trying again");
    }
    Action::requeue(pause)
}

/// A guest that is to exist.
async fn keep(context: &Context, guest: Arc<GuestCluster>) -> Result<Action, Error> {
    let needed = context.mirrors.needed();
    if let Err(blocked) = readiness::readiness(&needed) {
        return context.wait_for_kinds(&guest, &needed, &blocked).await;
    }
    let catalogue = context.mirrors.releases.all();
    let outcome = advance(context, guest, &catalogue).await?;
    let status = status::status(&outcome.input(&catalogue));
    context.tell(&outcome.guest, &status).await?;
    if let (None, Some(identity), Some((plan, desired))) = (&outcome.blocked, &outcome.identity, &outcome.wanted)
        && !plan.spec.paused
    {
        let writer = context.writer(identity);
        match apply::prune(writer, &outcome.layers, desired, status::is_at_rest(&status)).await {
            Err(Failure::Api(error)) => return Err(error.into()),
            Ok(()) | Err(Failure::Blocked(_)) => {}
        }
    }
    Ok(match &outcome.blocked {
        Some(blocked) if blocked.terminal => Action::requeue(LOOK_AGAIN),
        Some(_) => Action::requeue(LOOK_AGAIN_SOON),
        // What is waited for may never come.
        None if status::waits_for_report(&status) => Action::requeue(LOOK_AGAIN),
        None => Action::await_change(),
    })
}

/// From what is asked to what is written, as far as it goes.
async fn advance(context: &Context, guest: Arc<GuestCluster>, catalogue: &Catalogue) -> Result<Outcome, Error> {
    let mut outcome = Outcome {
        guest,
        identity: None,
        layers: Layers::default(),
        wanted: None,
        blocked: None,
        report: Report::Unheard,
    };
    match try_advance(context, &mut outcome, catalogue).await {
        Ok(()) => Ok(outcome),
        Err(Failure::Blocked(blocked)) => Ok(Outcome {
            blocked: Some(blocked),
            ..outcome
        }),
        Err(Failure::Api(error)) => Err(error.into()),
    }
}

async fn try_advance(context: &Context, outcome: &mut Outcome, catalogue: &Catalogue) -> Result<(), Failure> {
    // dereference (from mirrors)
    let identity = identity::identify(&outcome.guest, &context.others(&outcome.guest)).map_err(Failure::Blocked)?;
    outcome.identity = Some(identity.clone());
    outcome.layers = dereference::layers(&context.mirrors, &identity);
    outcome.report = context.reports.of(&identity.uid);
    // validate (pure)
    let health_checks = context.mirrors.health_checks.knowledge() == Knowledge::Complete;
    let plan = validate::plan(
        &outcome.guest,
        identity.clone(),
        &outcome.layers,
        catalogue,
        health_checks,
    );
    let mut plan = plan.map_err(Failure::Blocked)?;
    let expected = Expected::of(&outcome.guest, outcome.layers.control_plane.as_deref());
    let trust_key = context.keys.trust_key(&context.client, &identity.uid, &expected);
    plan.trust_key = Some(trust_key.await?);
    outcome.guest = record(context, &outcome.guest, &plan).await?;
    // build (pure, can't fail)
    let desired = build(&plan);
    let (plan, desired) = outcome.wanted.insert((plan, desired));
    // apply
    let writer = context.writer(&identity);
    if !outcome.guest.spec.paused {
        if plan.etcd == EtcdMode::External {
            let Some(owner) = &outcome.layers.infrastructure else {
                // Its event brings us back.
                return apply::apply_infrastructure(writer, desired).await;
            };
            context.etcd.ensure(&context.client, &identity, owner).await?;
        }
        return apply::apply(writer, desired).await;
    }
    match &outcome.layers.cluster {
        Some(live) => apply::apply_cluster(writer, &build::paused(live, &identity, &outcome.guest.spec)).await,
        None => Ok(()),
    }
}

/// Records who the guest is and which version was chosen, before anything is made from it: a crash must not choose again.
async fn record(context: &Context, guest: &Arc<GuestCluster>, plan: &Plan) -> Result<Arc<GuestCluster>, Failure> {
    let mut status = guest.status.clone().unwrap_or_default();
    let version = status
        .distribution
        .as_ref()
        .and_then(|distribution| distribution.version.as_ref());
    if status.guest_uid.is_some() && version.is_some() {
        return Ok(guest.clone());
    }
    status.guest_uid = Some(plan.identity.uid.clone());
    let version = plan.running.as_ref().unwrap_or(&plan.target).to_string();
    status.distribution = Some(DistributionStatus {
        version: Some(version),
        ..DistributionStatus::default()
    });
    match context.pen().write_status(guest, &status).await.map_err(Failure::Api)? {
        Some(recorded) => Ok(Arc::new(recorded)),
        None => Err(Failure::Api(kube::Error::Api(Box::new(
            kube::core::Status::failure("the GuestCluster has changed meanwhile", "Conflict").with_code(409),
        )))),
    }
}

/// A guest that is to go.
async fn end(context: &Context, guest: Arc<GuestCluster>) -> Result<Action, Error> {
    let needed = context.mirrors.needed();
    if let Err(blocked) = readiness::readiness_to_remove(&needed) {
        return context.wait_for_kinds(&guest, &needed, &blocked).await;
    }
    let catalogue = context.mirrors.releases.all();
    let Ok(identity) = identity::identify(&guest, &context.others(&guest)) else {
        // It never was anybody: nothing was written for it.
        return finish(context, &guest).await;
    };
    let layers = dereference::layers(&context.mirrors, &identity);
    let wanted = validate::plan(&guest, identity.clone(), &layers, &catalogue, false)
        .ok()
        .map(|plan| {
            let desired = build(&plan);
            (plan, desired)
        });
    let desired = wanted.as_ref().map(|(_, desired)| desired);
    let blocked = match delete::delete(context.writer(&identity), &layers, desired).await {
        Ok(Ending::Complete) => {
            context.etcd.remove(&context.client, &identity).await?;
            context.keys.remove(&context.client, &identity.uid).await?;
            return finish(context, &guest).await;
        }
        Ok(Ending::UnderWay) => None,
        Err(Failure::Blocked(blocked)) => Some(blocked),
        Err(Failure::Api(error)) => return Err(error.into()),
    };
    let outcome = Outcome {
        guest,
        identity: Some(identity),
        layers,
        wanted,
        blocked,
        report: Report::Unheard,
    };
    let status = status::status(&outcome.input(&catalogue));
    context.tell(&outcome.guest, &status).await?;
    Ok(Action::requeue(LOOK_AGAIN))
}

async fn finish(context: &Context, guest: &GuestCluster) -> Result<Action, Error> {
    context.pen().set_finalizer(guest, false).await?;
    context.written.forget(guest);
    Ok(Action::await_change())
}

impl Outcome {
    fn input<'a>(&'a self, catalogue: &'a Catalogue) -> Input<'a> {
        Input {
            guest: &self.guest,
            guest_uid: self.identity.as_ref().map(|identity| identity.uid.as_str()),
            layers: &self.layers,
            wanted: self.wanted.as_ref().map(|(plan, desired)| (plan, desired)),
            blocked: self.blocked.as_ref(),
            catalogue,
            report: &self.report,
            now: Timestamp::now(),
        }
    }
}

impl Context {
    pub(super) fn new(client: Client, mirrors: Arc<Mirrors>, guests: Store<GuestCluster>, reports: Reports) -> Self {
        Self {
            client,
            mirrors,
            guests,
            written: Written::default(),
            retries: Retries::default(),
            keys: Keys::default(),
            reports,
            etcd: etcd::Certificates::default(),
        }
    }

    fn pen(&self) -> Pen<'_> {
        Pen {
            client: &self.client,
            written: &self.written,
        }
    }

    fn writer<'a>(&'a self, identity: &'a Identity) -> Writer<'a> {
        Writer {
            client: &self.client,
            mirrors: &self.mirrors,
            identity,
        }
    }

    /// Says that the kinds can't be read, and leaves everything else as it was known. Every kind that becomes known is news.
    async fn wait_for_kinds(
        &self,
        guest: &GuestCluster,
        needed: &[Needed],
        blocked: &Blocked,
    ) -> Result<Action, Error> {
        // A start passes through this, and is no news for a guest that was known before.
        if guest.status.is_none() || !readiness::is_unread(needed) {
            self.tell(guest, &status::unread(guest, blocked, Timestamp::now()))
                .await?;
        }
        Ok(Action::await_change())
    }

    /// Writes a status, and when it is written, the events that it is news of.
    async fn tell(&self, guest: &GuestCluster, status: &GuestClusterStatus) -> Result<(), Error> {
        if self.pen().write_status(guest, status).await?.is_some() {
            events::publish(&self.client, guest, events::news(guest.status.as_ref(), status)).await;
        }
        Ok(())
    }

    fn others(&self, guest: &GuestCluster) -> Neighbours<'_> {
        let (namespace, name) = (guest.namespace().unwrap_or_default(), guest.name_any());
        Neighbours {
            here: self.mirrors.clusters.get(&namespace, &name),
            context: self,
            namespace,
            name,
        }
    }
}

/// The other guests, as the mirrors show them.
struct Neighbours<'a> {
    context: &'a Context,
    here: Option<Arc<Cluster>>,
    namespace: String,
    name: String,
}

impl Neighbours<'_> {
    fn is_elsewhere(&self, object: &impl ResourceExt) -> bool {
        object.namespace().unwrap_or_default() != self.namespace || object.name_any() != self.name
    }
}

impl Others for Neighbours<'_> {
    fn cluster_here(&self) -> Option<&Cluster> {
        self.here.as_deref()
    }

    fn is_used_elsewhere(&self, guest_uid: &str) -> bool {
        let cluster = |cluster: &Cluster| self.is_elsewhere(cluster) && belongs_to(cluster, guest_uid);
        let is_guest = |guest: &GuestCluster| identity::uid_of(guest) == Some(guest_uid);
        self.context.mirrors.clusters.any(cluster)
            || self
                .context
                .guests
                .state()
                .iter()
                .any(|guest| self.is_elsewhere(guest.as_ref()) && is_guest(guest))
    }
}
