//! KubeadmConfig: the bootstrap data of one Machine, in a Secret of the KubeadmConfig's name.

mod cloud_init;
mod data;
mod dereference;
mod in_guest;
mod kubeadm;
mod lock;
mod status;
mod token;
mod validate;

use super::conditions::Verdict;
use super::context::{Context, LOOK_AGAIN, has_infrastructure, is_initialized, is_new, is_paused};
use super::engine::{Key, Next};
use super::error::Error;
use super::guests::Link;
use super::replicas::is_deleting;
use super::secrets::{self, VALUE};
use data::Data;
use dereference::Parts;
use guestcluster_types::upstream::HasConditions;
use guestcluster_types::upstream::capi::{CONTROL_PLANE_LABEL, condition::PAUSED};
use guestcluster_types::upstream::kubeadm::{
    BootstrapTokenDiscovery, ClusterConfiguration, KubeadmConfig, KubeadmConfigSpec,
};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::{Client, Resource, ResourceExt};
use std::sync::Arc;
use token::Token;

/// Annotation of a bootstrap Secret: the id (not the secret part) of its bootstrap token, so that it can be refreshed.
const TOKEN_ID: &str = "guestclusters.dev/bootstrap-token-id";
/// Key of the Secret that names the format of the data.
const FORMAT: &str = "format";

/// What is left to wait for before the data can be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wait {
    Infrastructure,
    ControlPlane,
    Connection,
    Lock,
}

/// What the Machine becomes.
#[derive(Clone)]
enum Role {
    First,
    Join { guest: Client, control_plane: bool },
}

pub(super) async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, Error> {
    let Some(config) = context.configs.get(&key) else {
        return Ok(Next::Event);
    };
    let parts = match dereference::parts(&context, Arc::clone(&config)) {
        Ok(parts) => parts,
        Err(missing) => return tell_missing(&context, &config, missing).await,
    };
    if is_deleting(&*parts.config) || is_deleting(&*parts.machine) {
        return Ok(Next::Event);
    }
    if is_paused(&parts.cluster, &parts.config.metadata) {
        context.configs.tell_paused(&parts.config, &parts.cluster).await?;
        return Ok(Next::Event);
    }
    if parts.config.status.data_secret_name.is_some() {
        if parts.config.is_true(PAUSED) {
            let (config, status) = (&parts.config, status::of(&parts, &Ok(None)));
            context.configs.patch_status(config, &config.status, &status).await?;
        }
        return refresh(&context, &parts).await;
    }
    let outcome = create(&context, &parts).await;
    let status = status::of(&parts, &outcome);
    context
        .configs
        .patch_status(&parts.config, &parts.config.status, &status)
        .await?;
    outcome.map(|_| Next::Event)
}

/// What is missing may come yet.
async fn tell_missing(context: &Context, config: &KubeadmConfig, missing: Verdict) -> Result<Next, Error> {
    if is_deleting(config) {
        return Ok(Next::Event);
    }
    if let Some(left) = is_new(config) {
        return Ok(Next::After(left));
    }
    let status = status::alone(config, missing);
    context.configs.patch_status(config, &config.status, &status).await?;
    Ok(Next::After(LOOK_AGAIN))
}

/// Makes the data, or says what it waits for.
async fn create(context: &Context, parts: &Parts) -> Result<Option<Wait>, Error> {
    validate::config(&parts.config.spec).map_err(Error::Invalid)?;
    let cluster = super::cluster::validate::cluster(&parts.cluster);
    cluster.map_err(|invalid| Error::Invalid(format!("Cluster {}: {invalid}", parts.cluster.name_any())))?;
    let role = match role(context, parts).await? {
        Ok(role) => role,
        Err(wait) => return Ok(Some(wait)),
    };
    let (data, token_id) = match &role {
        Role::First => (first(context, parts).await?, None),
        Role::Join { guest, control_plane } => {
            if *control_plane {
                let configuration = dereference::cluster_configuration(context, parts);
                in_guest::update(guest, &parts.cluster, version(parts)?, &configuration).await?;
            }
            let token = Token::generate();
            let made = !data::has_token(&parts.config.spec);
            if made {
                token.create(guest, &parts.machine.name_any(), Timestamp::now()).await?;
            }
            let data = join(context, parts, &token, *control_plane).await?;
            (data, made.then_some(token.id))
        }
    };
    store(context, parts, data, token_id).await?;
    Ok(None)
}

async fn role(context: &Context, parts: &Parts) -> Result<Result<Role, Wait>, Error> {
    if !has_infrastructure(&parts.cluster) {
        return Ok(Err(Wait::Infrastructure));
    }
    let control_plane = parts.machine.labels().contains_key(CONTROL_PLANE_LABEL);
    if is_initialized(&parts.cluster) {
        return Ok(match context.guests.link(&Key::of(&*parts.cluster)) {
            Link::Up(guest) => Ok(Role::Join { guest, control_plane }),
            Link::None | Link::Trying(_) => Err(Wait::Connection),
        });
    }
    if !control_plane {
        return Ok(Err(Wait::ControlPlane));
    }
    let first = lock::acquire(context, &parts.cluster, &parts.machine).await?;
    Ok(if first { Ok(Role::First) } else { Err(Wait::Lock) })
}

async fn first(context: &Context, parts: &Parts) -> Result<String, Error> {
    let configuration = parts.config.spec.cluster_configuration.as_ref();
    let external_etcd = configuration.is_some_and(ClusterConfiguration::has_external_etcd);
    let data = Data {
        cluster: &parts.cluster,
        version: version(parts)?,
        certificates: dereference::certificates(context, parts, external_etcd).await?,
        spec: with_content(context, parts).await?,
    };
    data.first()
}

async fn join(context: &Context, parts: &Parts, token: &Token, control_plane: bool) -> Result<String, Error> {
    let authority = dereference::authority(context, parts).await?;
    let discovery = BootstrapTokenDiscovery {
        token: Some(token.text()),
        api_server_endpoint: Some(parts.cluster.spec.control_plane_endpoint.to_string()),
        ca_cert_hashes: vec![super::certificates::public_key_hash(&authority.certificate)?],
        unsafe_skip_ca_verification: None,
    };
    let certificates = if control_plane {
        let configuration = dereference::cluster_configuration(context, parts);
        dereference::certificates(context, parts, configuration.has_external_etcd()).await?
    } else {
        Vec::new()
    };
    let data = Data {
        cluster: &parts.cluster,
        version: version(parts)?,
        certificates,
        spec: with_content(context, parts).await?,
    };
    data.join(discovery, control_plane)
}

/// The spec with what it takes from Secrets in its place.
async fn with_content(context: &Context, parts: &Parts) -> Result<KubeadmConfigSpec, Error> {
    let mut spec = parts.config.spec.clone();
    for file in &mut spec.files {
        let Some(source) = file.content_from.take() else {
            continue;
        };
        file.content = Some(dereference::content(context, &parts.config, &source.secret).await?);
    }
    for user in &mut spec.users {
        let Some(source) = user.passwd_from.take() else {
            continue;
        };
        user.passwd = Some(dereference::content(context, &parts.config, &source.secret).await?);
    }
    Ok(spec)
}

fn version(parts: &Parts) -> Result<&str, Error> {
    let version = parts.machine.spec.version.as_deref();
    version.ok_or_else(|| {
        let name = parts.machine.name_any();
        Error::Invalid(format!(
            "spec.version of Machine {name} says nothing: accepted is a version such as v1.34.2"
        ))
    })
}

/// Writes the Secret. If a crash left one that this KubeadmConfig owns, that one counts: the VM may have read it.
async fn store(context: &Context, parts: &Parts, data: String, token_id: Option<String>) -> Result<(), Error> {
    let (cluster, name) = (Key::of(&*parts.cluster), parts.config.name_any());
    let values = [(VALUE, data), (FORMAT, "cloud-config".to_owned())];
    let owners = parts.config.controller_owner_ref(&()).into_iter().collect();
    let mut secret = secrets::of_cluster(&cluster, &name, owners, values);
    if let Some(id) = token_id {
        secret.annotations_mut().insert(TOKEN_ID.to_owned(), id);
    }
    if secrets::create(&context.client, &secret).await? {
        return Ok(());
    }
    let existing = secrets::get(&context.client, &cluster.namespace, &name).await?;
    if existing.is_some_and(|existing| is_of(&existing, parts)) {
        Ok(())
    } else {
        Err(Error::Invalid(format!("Secret {name} belongs to something else")))
    }
}

fn is_of(secret: &Secret, parts: &Parts) -> bool {
    secret
        .owner_references()
        .iter()
        .any(|owner| Some(&owner.uid) == parts.config.metadata.uid.as_ref())
}

/// Keeps the token alive until the Machine has joined.
async fn refresh(context: &Context, parts: &Parts) -> Result<Next, Error> {
    if parts.machine.status.node_ref.is_some() {
        return Ok(Next::Event);
    }
    let secret = context.secrets.get(&Key::of(&*parts.config));
    let Some(id) = secret.and_then(|secret| secret.annotations().get(TOKEN_ID).cloned()) else {
        return Ok(Next::Event);
    };
    let now = Timestamp::now();
    let made = parts
        .config
        .status
        .conditions
        .iter()
        .find(|condition| condition.status == "True");
    let age = made.map_or(i64::MAX, |condition| {
        now.as_second() - condition.last_transition_time.0.as_second()
    });
    // A fresh token needs nothing yet.
    if age >= i64::try_from(token::LIFE.as_secs() / 3).unwrap_or(i64::MAX)
        && let Link::Up(guest) = context.guests.link(&Key::of(&*parts.cluster))
    {
        token::refresh(&guest, &id, now).await?;
    }
    Ok(Next::After(token::LIFE / 3))
}

#[cfg(test)]
mod tests;
