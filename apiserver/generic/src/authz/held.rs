//! What somebody may do, as a list: for a SelfSubjectRulesReview.

/// The rules that a user holds in a namespace, as far as an authorizer can list them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldRules {
    /// Rules for resources.
    pub resources: Vec<ResourceRule>,
    /// Rules for paths that are no resource.
    pub paths: Vec<PathRule>,
    /// Whether there may be more than what is listed.
    pub incomplete: bool,
    /// Why it is incomplete, or empty.
    pub problem: String,
}

/// `authorization.k8s.io/v1 ResourceRule`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceRule {
    /// Verbs, `*` for all.
    pub verbs: Vec<String>,
    /// API groups, `*` for all.
    pub api_groups: Vec<String>,
    /// Plural names, `*` for all.
    pub resources: Vec<String>,
    /// Names of objects, empty for all.
    pub resource_names: Vec<String>,
}

/// `authorization.k8s.io/v1 NonResourceRule`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathRule {
    /// Verbs, `*` for all.
    pub verbs: Vec<String>,
    /// Paths, with `*` at the end for all below.
    pub paths: Vec<String>,
}

impl HeldRules {
    /// Adds what another authorizer lists.
    pub fn extend(&mut self, other: HeldRules) {
        self.resources.extend(other.resources);
        self.paths.extend(other.paths);
        self.incomplete |= other.incomplete;
        if self.problem.is_empty() {
            self.problem = other.problem;
        }
    }
}
