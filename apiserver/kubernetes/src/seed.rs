//! The objects that every cluster starts with: namespaces, their service accounts, roles and bindings.

use generic_apiserver::{
    Status,
    registry::{Names, Registry, ResourceDefinition},
    storage::{Compare, Outcome, Store, StoreError, Transaction, Write},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    StartError, controller_user,
    namespaces::{DEFAULT_SERVICE_ACCOUNT, INITIAL},
    rbac::{default_objects, reconciled},
};

/// All of them, `extra` roles and bindings included.
pub(crate) fn objects(extra: &[Value]) -> Vec<Value> {
    let namespaces = INITIAL.iter().map(|name| {
        json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        })
    });
    let accounts = INITIAL.iter().map(|namespace| {
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": DEFAULT_SERVICE_ACCOUNT, "namespace": namespace},
        })
    });
    namespaces
        .chain(accounts)
        .chain(default_objects().iter().cloned())
        .chain(extra.iter().cloned())
        .collect()
}

/// Writes the objects into an empty keyspace in one transaction: a cluster's first start costs one durable write. Does
/// nothing when the keyspace holds anything. True when they are written.
pub(crate) async fn plant(
    store: &dyn Store,
    definitions: &[ResourceDefinition],
    objects: &[Value],
) -> Result<bool, StoreError> {
    if !store.range("", None, 1).await?.items.is_empty() {
        return Ok(false);
    }
    let now = Timestamp::now();
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now).to_string();
    let mut transaction = Transaction::default();
    for object in objects {
        let Some(definition) = definition_of(definitions, object) else {
            continue;
        };
        let key = definition.names.key(text(object, "namespace"), text(object, "name"));
        let mut stored = object.clone();
        stored["metadata"]["uid"] = uuid::Uuid::new_v4().to_string().into();
        stored["metadata"]["creationTimestamp"] = now.as_str().into();
        transaction.compare.push(Compare::Absent(key.clone()));
        transaction.write.push(Write::Put(key, stored.to_string().into()));
    }
    // At a conflict another server of the same cluster was first; what it did not write, reconciling will.
    Ok(matches!(store.transact(transaction).await?, Outcome::Committed(_)))
}

/// Creates what is missing, and completes roles and bindings that are still the server's own.
pub(crate) async fn reconcile(registry: &Registry, objects: &[Value]) -> Result<(), StartError> {
    for object in objects {
        let Some(definition) = definition_of(registry.definitions(), object) else {
            continue;
        };
        reconcile_one(registry, &definition.names, object)
            .await
            .map_err(|status| StartError::Seed {
                what: format!("{} {}", definition.names.kind, text(object, "name")),
                message: status.message,
            })?;
    }
    Ok(())
}

async fn reconcile_one(registry: &Registry, names: &Names, wanted: &Value) -> Result<(), Status> {
    let Some(resource) = registry.resource(&names.group, &names.plural) else {
        return Ok(());
    };
    let user = controller_user("bootstrap");
    let (namespace, name) = (text(wanted, "namespace"), text(wanted, "name"));
    let Some(stored) = resource.get(namespace, name) else {
        return match resource.create(&user, namespace, wanted.clone()).await {
            // Made by another server in between, or its namespace is going away.
            Err(status) if !matches!(status.code, 403 | 404 | 409) => Err(status),
            _ => Ok(()),
        };
    };
    if reconciled(&stored, wanted).is_none() {
        return Ok(());
    }
    let complete = |object: &mut Value| {
        if let Some(complete) = reconciled(object, wanted) {
            *object = complete;
        }
        Ok(())
    };
    resource.update(&user, namespace, name, complete).await.map(drop)
}

fn definition_of<'a>(definitions: &'a [ResourceDefinition], object: &Value) -> Option<&'a ResourceDefinition> {
    definitions.iter().find(|definition| {
        object["kind"] == *definition.names.kind && object["apiVersion"] == *definition.names.api_version()
    })
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}
