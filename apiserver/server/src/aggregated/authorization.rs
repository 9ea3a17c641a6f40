//! What users may do: the host decides, by SubjectAccessReview.

use async_trait::async_trait;
use generic_apiserver::authz::{Attributes, Authorizer, Decision, Target};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec, SubjectAccessReviewStatus,
};
use kube::{Api, Client, api::PostParams};

use super::ask::ask;

/// Asks the host. Without an answer nothing is allowed.
pub(crate) struct AccessReviews {
    reviews: Api<SubjectAccessReview>,
}

impl AccessReviews {
    /// Asks with the rights of this client, which needs `create` on subjectaccessreviews.
    pub(crate) fn new(client: Client) -> AccessReviews {
        AccessReviews {
            reviews: Api::all(client),
        }
    }
}

#[async_trait]
impl Authorizer for AccessReviews {
    async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String> {
        let review = review(attributes);
        let parameters = PostParams::default();
        let answer = ask(|| self.reviews.create(&parameters, &review)).await;
        let answer = answer.map_err(|why| format!("the SubjectAccessReview failed: {why}"))?;
        let status = answer.status.unwrap_or_default();
        if let Some(error) = status.evaluation_error.as_ref().filter(|_| !status.allowed) {
            tracing::warn!(
                user = attributes.user.name,
                verb = attributes.verb,
                error,
                "the host could not fully judge"
            );
        }
        Ok(decision(status))
    }
}

/// The question, with everything that is known of the user.
fn review(attributes: &Attributes<'_>) -> SubjectAccessReview {
    let user = attributes.user;
    let (resource_attributes, non_resource_attributes) = about(&attributes.target, attributes.verb);
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some(user.name.clone()),
            uid: user.uid.clone(),
            groups: Some(user.groups.clone()),
            extra: (!user.extra.is_empty()).then(|| user.extra.clone()),
            resource_attributes,
            non_resource_attributes,
        },
        ..SubjectAccessReview::default()
    }
}

fn about(target: &Target<'_>, verb: &str) -> (Option<ResourceAttributes>, Option<NonResourceAttributes>) {
    let said = |word: &str| (!word.is_empty()).then(|| word.to_owned());
    match *target {
        Target::Path(path) => {
            let (path, verb) = (said(path), said(verb));
            (None, Some(NonResourceAttributes { path, verb }))
        }
        Target::Resource {
            group,
            version,
            resource,
            subresource,
            namespace,
            name,
        } => {
            let attributes = ResourceAttributes {
                group: said(group),
                version: said(version),
                resource: said(resource),
                subresource: said(subresource),
                namespace: said(namespace),
                name: said(name),
                verb: said(verb),
                ..ResourceAttributes::default()
            };
            (Some(attributes), None)
        }
    }
}

/// A denial counts before anything else.
fn decision(status: SubjectAccessReviewStatus) -> Decision {
    let reason = status.reason.unwrap_or_default();
    match (status.denied, status.allowed) {
        (Some(true), _) => Decision::Deny { reason },
        (_, true) => Decision::Allow { reason },
        (_, false) => Decision::NoOpinion { reason },
    }
}

#[cfg(test)]
mod tests;
