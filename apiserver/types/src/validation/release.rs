//! Releases: a version that guests may run, and can rely on.

use super::Problem;
use crate::{
    GuestClusterRelease, GuestClusterReleaseSpec, names,
    version::{KubernetesVersion, OLDEST_MINOR},
};

/// All that is wrong with a new release.
pub fn release_create(new: &GuestClusterRelease) -> Vec<Problem> {
    let text = &new.spec.version;
    let Ok(version) = text.parse::<KubernetesVersion>() else {
        return vec![Problem::invalid(
            "spec.version",
            text.as_str(),
            "must be a full version, such as v1.34.2",
        )];
    };
    let mut problems = vec![];
    if (version.major(), version.minor()) < (1, OLDEST_MINOR) {
        let detail = format!("must not be below v1.{OLDEST_MINOR}, the first that guests can sign in to");
        problems.push(Problem::invalid("spec.version", text.as_str(), detail));
    }
    let expected = names::release(text);
    let name = new.metadata.name.as_deref().unwrap_or_default();
    if name != expected {
        problems.push(Problem::invalid(
            "metadata.name",
            name,
            format!("must be that of the version: {expected}"),
        ));
    }
    problems
}

/// All that is wrong with a change of a release: guests run what it said, so only its support may change.
pub fn release_update(new: &GuestClusterRelease, old: &GuestClusterRelease) -> Vec<Problem> {
    let unchanged = GuestClusterReleaseSpec {
        support: new.spec.support,
        ..old.spec.clone()
    } == new.spec;
    if unchanged {
        return vec![];
    }
    let detail = "only spec.support can be changed, because guests run this release; make another release instead";
    vec![Problem::forbidden("spec", detail)]
}
