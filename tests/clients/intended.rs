//! Every difference that is meant, with its reason.

use crate::compare::intended::{Intended, meant};

const OWN_BUILD: &str = "/version describes each server's own build";

const NO_LIMIT_RANGES: &str = "ours has no pods, and so none of the kinds that limit them";

pub(crate) const KUBECTL: &[Intended] = &[
    meant("*", "kubectl version", "stdout: Server Version*", OWN_BUILD),
    meant("*", "kubectl version -o json", "stdout.serverVersion.*", OWN_BUILD),
    meant("*", "kubectl describe namespace", "stdout: *", NO_LIMIT_RANGES),
];
