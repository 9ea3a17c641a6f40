//! What the person may do, as the supervisor says.

use futures::future::try_join_all;
use guestcluster_types::{GROUP, Level};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::{Api, Client, api::PostParams};

use crate::error::Result;

/// The levels that the person may have in a guest, the lowest first. Whether the guest exists does not matter.
pub(crate) async fn levels(client: &Client, namespace: &str, guest: &str) -> Result<Vec<Level>> {
    let exchange = may(client, namespace, guest, "create", "credential");
    let levels = Level::OF_TOKENS.map(|level| may(client, namespace, guest, level.verb(), ""));
    let (exchange, levels) = tokio::try_join!(exchange, try_join_all(levels))?;
    let allowed = Level::OF_TOKENS
        .into_iter()
        .zip(levels)
        .filter(|(_, allowed)| exchange && *allowed);
    Ok(allowed.map(|(level, _)| level).collect())
}

/// What the person may do with guest clusters in a namespace, in a word; none for nothing.
pub(crate) async fn in_namespace(client: &Client, namespace: &str) -> Result<Option<&'static str>> {
    let (edit, view) = tokio::try_join!(
        may(client, namespace, "", "create", ""),
        may(client, namespace, "", "list", "")
    )?;
    Ok(match (edit, view) {
        (true, _) => Some("edit"),
        (false, true) => Some("view"),
        (false, false) => None,
    })
}

async fn may(client: &Client, namespace: &str, name: &str, verb: &str, subresource: &str) -> Result<bool> {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: text(GROUP),
                resource: text("guestclusters"),
                subresource: text(subresource),
                namespace: text(namespace),
                name: text(name),
                verb: text(verb),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}
