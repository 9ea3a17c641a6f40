//! Every difference that is meant, with its reason.

use crate::compare::intended::{Intended, meant};

const OWN_BUILD: &str = "/version describes each server's own build";

const NO_LIMIT_RANGES: &str = "ours has no pods, and so none of the kinds that limit them";

const NO_OWNERS: &str = "a review is answered and not kept, so nobody owns its fields";
const WHOLE_ITEMS: &str =
    "items of lists carry apiVersion and kind, as get and watch show them: all three share the same bytes";
const JSON_LISTS: &str = "ours answers typed clients in JSON, in which an empty list is written and items name their kind; in protobuf neither is";

pub(crate) const KUBECTL: &[Intended] = &[
    meant("*", "kubectl version", "stdout: Server Version*", OWN_BUILD),
    meant("*", "kubectl version -o json", "stdout.serverVersion.*", OWN_BUILD),
    meant("*", "kubectl describe namespace", "stdout: *", NO_LIMIT_RANGES),
];

pub(crate) const CLIENT_GO: &[Intended] = &[
    meant(
        "*",
        "discovery",
        ".resources.authentication.k8s.io/v1 tokenreviews",
        "ours issues no tokens of its own that others would ask it to judge",
    ),
    meant("*", "reviews", "*.metadata.managedFields", NO_OWNERS),
    meant("*", "reviews", "*.items", JSON_LISTS),
    meant("*", "typed", "*.items[*].apiVersion", JSON_LISTS),
    meant("*", "typed", "*.items[*].kind", JSON_LISTS),
    meant("*", "deletion", "*.items", JSON_LISTS),
    meant("*", "deletion", "*.items[*].apiVersion", JSON_LISTS),
    meant("*", "deletion", "*.items[*].kind", JSON_LISTS),
];

pub(crate) const PYTHON: &[Intended] = &[
    meant("*", "core", "*.items[*].apiVersion", WHOLE_ITEMS),
    meant("*", "core", "*.items[*].kind", WHOLE_ITEMS),
];

pub(crate) const HELM: &[Intended] = &[];
