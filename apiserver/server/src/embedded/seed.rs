//! Writes what an embedded supervisor has from its first start on.

use std::sync::Arc;

use anyhow::Context as _;
use generic_apiserver::{
    authn::User,
    registry::{Registry, Resource},
};
use serde_json::{Value, json};

use crate::{
    catalogue::{self, Catalogue, Seed},
    roles::{self, SYSTEM_NAMESPACE},
    sso::{self, FIRST_USER_GROUP},
};

/// Written last, so that a first start that was cut off seeds again, and later starts bring nothing back that was deleted.
const MARKER: &str = "catalogue";
/// May do anything.
const MASTERS: &str = "system:masters";
/// Where the first user works.
pub(super) const FIRST_USER_NAMESPACE: &str = "team-a";

/// Writes the supervisor's own namespace, and on the first start the catalogue.
pub(crate) async fn seed(registry: &Registry, catalogue: &Catalogue<'_>) -> anyhow::Result<()> {
    let writer = Writer {
        registry,
        user: own_user(),
    };
    writer.create(&catalogue::namespace(SYSTEM_NAMESPACE)).await?;
    if writer
        .resource("", "configmaps")?
        .get(SYSTEM_NAMESPACE, MARKER)
        .is_some()
    {
        for release in catalogue.releases().filter(|_| catalogue.follows_programs) {
            writer.create(&release).await?;
        }
        return Ok(());
    }
    for seed in catalogue.seeds().into_iter().chain(first_users_rights()) {
        writer.create(&seed).await?;
    }
    writer.create(&catalogue::config_map(MARKER, json!({}))).await
}

/// Writes where the sign-in page is, at every start: it may have moved.
pub(crate) async fn publish(registry: &Registry, config_map: Value) -> anyhow::Result<()> {
    let writer = Writer {
        registry,
        user: own_user(),
    };
    let seed = Seed {
        group: "",
        resource: "configmaps",
        namespace: config_map["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        object: config_map,
    };
    writer.create(&seed).await?;
    writer.set_data(&seed).await
}

/// The first user's group may do everything with guests in its namespace. An administrator may take this away for good.
fn first_users_rights() -> impl Iterator<Item = Seed> {
    let group = format!("{}{FIRST_USER_GROUP}", sso::PREFIX);
    ["guestcluster-editor", "guestcluster-access-admin"]
        .into_iter()
        .map(move |role| Seed {
            group: "rbac.authorization.k8s.io",
            resource: "rolebindings",
            namespace: FIRST_USER_NAMESPACE.to_owned(),
            object: roles::group_binding(
                FIRST_USER_NAMESPACE,
                &format!("{FIRST_USER_GROUP}-{role}"),
                role,
                &group,
            ),
        })
}

/// As kube-apiserver writes to itself: of masters, since it grants what it holds by no role.
fn own_user() -> User {
    User {
        name: "system:apiserver".to_owned(),
        groups: vec![MASTERS.to_owned()],
        ..User::default()
    }
}

struct Writer<'a> {
    registry: &'a Registry,
    user: User,
}

impl Writer<'_> {
    fn resource(&self, group: &str, plural: &str) -> anyhow::Result<Arc<Resource>> {
        self.registry
            .resource(group, plural)
            .with_context(|| format!("{plural}.{group} is not served"))
    }

    /// Gives an object that is there the data of the seed.
    async fn set_data(&self, seed: &Seed) -> anyhow::Result<()> {
        let resource = self.resource(seed.group, seed.resource)?;
        let name = seed.object["metadata"]["name"].as_str().unwrap_or_default();
        let change = |object: &mut Value| {
            object["data"] = seed.object["data"].clone();
            Ok(())
        };
        match resource.update(&self.user, &seed.namespace, name, change).await {
            Ok(_) => Ok(()),
            Err(status) => anyhow::bail!("cannot write {} {name}: {}", seed.resource, status.message),
        }
    }

    /// Creates the object unless it is there.
    async fn create(&self, seed: &Seed) -> anyhow::Result<()> {
        let resource = self.resource(seed.group, seed.resource)?;
        let name = seed.object["metadata"]["name"].as_str().unwrap_or_default();
        if resource.get(&seed.namespace, name).is_some() {
            return Ok(());
        }
        match resource.create(&self.user, &seed.namespace, seed.object.clone()).await {
            Ok(_) => Ok(()),
            Err(status) if status.reason == "AlreadyExists" => Ok(()),
            Err(status) => anyhow::bail!("cannot create {} {name}: {}", seed.resource, status.message),
        }
    }
}
