//! The authorizer: brings its index up to date with the watch cache, then decides from it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use generic_apiserver::{
    authn::User,
    authz::{Attributes, Authorizer, Decision, HeldRules, PathRule, ResourceRule, Target},
    cache::{Cache, Entry, Event, EventKind, Next, ResourceCache, Watcher},
};
use parking_lot::{Mutex, RwLock};

use super::{
    index::{Grant, Index, RoleRef},
    policy::PolicyRule,
};

const GROUP: &str = "rbac.authorization.k8s.io";

/// RBAC over one cluster's watch cache.
///
/// It has no task of its own: a decision first applies what changed since the last one, so it sees every write that its
/// caller has seen, and a cluster that nobody asks costs nothing. The index is first built when the first question comes.
pub struct Rbac {
    clock: Arc<Cache>,
    feed: Mutex<Feed>,
    /// The cache's revision that the index shows at least.
    applied: AtomicU64,
    index: RwLock<Index>,
}

/// Where the index is fed from.
struct Feed {
    sources: [Source; 4],
    /// Whether the index has to be built anew.
    stale: bool,
}

struct Source {
    holds: Holds,
    cache: Arc<ResourceCache>,
    watcher: Option<Watcher>,
}

#[derive(Clone, Copy)]
enum Holds {
    Roles,
    Bindings,
}

/// The cache lacks one of the four RBAC resources.
#[derive(Debug, thiserror::Error)]
#[error("the cluster does not serve {0}")]
pub struct NotServed(pub &'static str);

impl Rbac {
    /// RBAC over the roles and bindings in `cache`.
    pub fn new(cache: Arc<Cache>) -> Result<Rbac, NotServed> {
        let source = |plural: &'static str, holds| {
            let resource = cache.resource(&format!("{GROUP}/{plural}/")).ok_or(NotServed(plural))?;
            Ok(Source {
                holds,
                cache: resource,
                watcher: None,
            })
        };
        let sources = [
            source("roles", Holds::Roles)?,
            source("clusterroles", Holds::Roles)?,
            source("rolebindings", Holds::Bindings)?,
            source("clusterrolebindings", Holds::Bindings)?,
        ];
        Ok(Rbac {
            clock: cache,
            feed: Mutex::new(Feed { sources, stale: true }),
            applied: AtomicU64::new(0),
            index: RwLock::default(),
        })
    }

    /// The rules that a user holds in a namespace (empty: in the whole cluster), and whether some could not be resolved.
    pub fn rules(&self, user: &User, namespace: &str) -> (Vec<PolicyRule>, Option<String>) {
        self.catch_up();
        let index = self.index.read();
        let mut rules = Vec::new();
        let mut problem = None;
        for grant in index.grants(user, namespace) {
            match grant.rules {
                Some(held) => rules.extend(held.iter().cloned()),
                None => problem = Some(missing(&grant)),
            }
        }
        (rules, problem)
    }

    /// The rules of a role that a binding in `namespace` would grant.
    pub(super) fn rules_of_role(&self, namespace: &str, kind: &str, name: &str) -> Option<Vec<PolicyRule>> {
        self.catch_up();
        let role = RoleRef {
            kind: kind.into(),
            name: name.into(),
        };
        self.index.read().rules(namespace, &role).map(|rules| rules.to_vec())
    }

    /// Decides at once, from memory.
    pub fn decide(&self, attributes: &Attributes<'_>) -> Decision {
        self.catch_up();
        let namespace = match attributes.target {
            Target::Resource { namespace, .. } => namespace,
            Target::Path(_) => "",
        };
        let index = self.index.read();
        let mut problem = None;
        for grant in index.grants(attributes.user, namespace) {
            let Some(rules) = grant.rules else {
                problem = Some(missing(&grant));
                continue;
            };
            if rules
                .iter()
                .any(|rule| rule.allows(attributes.verb, &attributes.target))
            {
                return Decision::Allow {
                    reason: allowed_by(&grant),
                };
            }
        }
        Decision::NoOpinion {
            reason: problem.map_or_else(String::new, |problem| format!("RBAC: {problem}")),
        }
    }

    fn catch_up(&self) {
        // Read first: what is applied later is at least this.
        let target = self.clock.revision();
        if self.applied.load(Ordering::Acquire) >= target && target > 0 {
            return;
        }
        let mut feed = self.feed.lock();
        let mut changes = Vec::new();
        if !feed.stale && !feed.drain(&mut changes) {
            feed.stale = true;
        }
        if feed.stale {
            *self.index.write() = feed.rebuild();
            feed.stale = false;
        } else if !changes.is_empty() {
            let mut index = self.index.write();
            for (holds, event) in &changes {
                apply(&mut index, *holds, event);
            }
        }
        self.applied.fetch_max(target, Ordering::AcqRel);
    }
}

#[async_trait]
impl Authorizer for Rbac {
    async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String> {
        Ok(self.decide(attributes))
    }

    async fn held_rules(&self, user: &User, namespace: &str) -> HeldRules {
        let (rules, problem) = self.rules(user, namespace);
        let mut held = HeldRules {
            incomplete: problem.is_some(),
            problem: problem.unwrap_or_default(),
            ..HeldRules::default()
        };
        for rule in rules {
            if rule.non_resource_urls.is_empty() {
                held.resources.push(resource_rule(&rule));
            } else {
                held.paths.push(PathRule {
                    verbs: strings(&rule.verbs),
                    paths: strings(&rule.non_resource_urls),
                });
            }
        }
        held
    }
}

impl Feed {
    /// Takes what is new. False when some of it is lost.
    fn drain(&mut self, changes: &mut Vec<(Holds, Arc<Event>)>) -> bool {
        for source in &mut self.sources {
            let Some(watcher) = &mut source.watcher else {
                return false;
            };
            while let Some(next) = watcher.try_next() {
                match next {
                    Next::Event(event) => changes.push((source.holds, event)),
                    Next::Expired => return false,
                    // The server is stopping: the last known state decides what is still in flight.
                    Next::Closed => break,
                }
            }
        }
        true
    }

    fn rebuild(&mut self) -> Index {
        let mut index = Index::default();
        for source in &mut self.sources {
            let snapshot = source.cache.snapshot();
            source.watcher = source.cache.watch(snapshot.revision()).ok();
            for entry in snapshot.iter() {
                set(&mut index, source.holds, entry);
            }
        }
        index
    }
}

fn apply(index: &mut Index, holds: Holds, event: &Event) {
    match (event.kind, holds) {
        (EventKind::Added | EventKind::Modified, holds) => set(index, holds, &event.entry),
        (EventKind::Deleted, Holds::Roles) => index.remove_role(&event.entry),
        (EventKind::Deleted, Holds::Bindings) => index.remove_binding(&event.entry),
    }
}

fn set(index: &mut Index, holds: Holds, entry: &Entry) {
    match holds {
        Holds::Roles => index.set_role(entry),
        Holds::Bindings => index.set_binding(entry),
    }
}

fn resource_rule(rule: &PolicyRule) -> ResourceRule {
    ResourceRule {
        verbs: strings(&rule.verbs),
        api_groups: strings(&rule.api_groups),
        resources: strings(&rule.resources),
        resource_names: strings(&rule.resource_names),
    }
}

fn strings(list: &[Box<str>]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn allowed_by(grant: &Grant<'_>) -> String {
    let (kind, name) = if grant.namespace.is_empty() {
        ("ClusterRoleBinding", grant.binding.to_owned())
    } else {
        ("RoleBinding", format!("{}/{}", grant.binding, grant.namespace))
    };
    let (subject, to) = grant.to;
    let role = grant.role;
    format!(
        "RBAC: allowed by {kind} {name:?} of {} {:?} to {subject} {to:?}",
        role.kind, role.name
    )
}

fn missing(grant: &Grant<'_>) -> String {
    let resource = grant.role.kind.to_lowercase();
    format!("{resource}.{GROUP} {:?} not found", grant.role.name)
}
