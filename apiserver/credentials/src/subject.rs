//! What may be said in a guest about the person who asks for a credential.

use std::collections::HashSet;

use regex::Regex;

use crate::Level;

/// Groups that one token carries.
pub const MOST_GROUPS: usize = 128;
/// Bytes of a user or group name.
const LONGEST_NAME: usize = 256;
/// Names that Kubernetes keeps to itself.
pub(crate) const RESERVED: &str = "system:";
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// Who may have credentials, and which of their groups go along.
#[derive(Clone, Debug)]
pub struct SubjectPolicy {
    prefix: String,
    group_filter: Option<Regex>,
}

/// A prefix by which people could not be told from others.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("--sso-prefix {0:?}: it must not be empty and not begin with \"system:\"")]
pub struct UnsafePrefix(pub String);

/// A person, as their token names them: without the supervisor's prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// `user@domain`.
    pub user: String,
    /// Groups that the token carries, each once.
    pub groups: Vec<String>,
    /// The person's unique id, where the supervisor knows one.
    pub uid: Option<String>,
    /// Groups that were left behind.
    pub dropped_groups: usize,
}

/// Nobody gets a credential under this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectRefused {
    /// A service account. 403.
    #[error("service accounts get no credentials for guest clusters: sign in through SSO")]
    ServiceAccount,
    /// A user that did not come through SSO. 403.
    #[error(
        "only users who signed in through SSO get credentials for guest clusters: the name lacks the prefix {prefix:?}"
    )]
    NotSso {
        /// The prefix of SSO's users.
        prefix: String,
    },
    /// A name that Kubernetes keeps to itself. 403.
    #[error("names that begin with \"system:\" get no credentials for guest clusters")]
    Reserved,
    /// A name that can't be shown or logged safely. 403.
    #[error("the user name is empty, longer than 256 bytes or has control characters")]
    Unusable,
    /// More groups than a token carries. 422.
    #[error(
        "you are in {count} groups, and a credential carries at most 128: the supervisor's operator can select groups with --sso-group-filter"
    )]
    TooManyGroups {
        /// How many are left after the filter.
        count: usize,
    },
}

impl SubjectPolicy {
    /// `prefix` is what the supervisor puts before SSO's names, such as `sso:`; `group_filter` is matched against names
    /// without it.
    pub fn new(prefix: &str, group_filter: Option<Regex>) -> Result<SubjectPolicy, UnsafePrefix> {
        if prefix.is_empty() || prefix.starts_with(RESERVED) {
            return Err(UnsafePrefix(prefix.to_owned()));
        }
        Ok(SubjectPolicy {
            prefix: prefix.to_owned(),
            group_filter,
        })
    }

    fn carries(&self, group: &str) -> bool {
        self.group_filter.as_ref().is_none_or(|filter| filter.is_match(group))
    }
}

impl Subject {
    /// Judges a user of the supervisor. Groups go along at the levels that carry them: those of SSO, with the prefix taken
    /// away once, that the filter selects; others are counted as dropped.
    pub fn of(
        policy: &SubjectPolicy,
        user: &str,
        groups: &[String],
        uid: Option<&str>,
        level: Level,
    ) -> Result<Subject, SubjectRefused> {
        let user = person(policy, user)?;
        let (groups, dropped_groups) = carried(policy, groups, level);
        if groups.len() > MOST_GROUPS {
            return Err(SubjectRefused::TooManyGroups { count: groups.len() });
        }
        Ok(Subject {
            user: user.to_owned(),
            groups,
            uid: uid.filter(|uid| is_usable(uid)).map(str::to_owned),
            dropped_groups,
        })
    }
}

fn person<'a>(policy: &SubjectPolicy, user: &'a str) -> Result<&'a str, SubjectRefused> {
    if user.starts_with(SERVICE_ACCOUNT) {
        return Err(SubjectRefused::ServiceAccount);
    }
    let name = user
        .strip_prefix(&policy.prefix)
        .ok_or_else(|| SubjectRefused::NotSso {
            prefix: policy.prefix.clone(),
        })?;
    if name.starts_with(RESERVED) {
        return Err(SubjectRefused::Reserved);
    }
    if !is_usable(name) {
        return Err(SubjectRefused::Unusable);
    }
    Ok(name)
}

fn carried(policy: &SubjectPolicy, groups: &[String], level: Level) -> (Vec<String>, usize) {
    if !level.carries_groups() {
        return (Vec::new(), 0);
    }
    let mut carried: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    let mut dropped = 0;
    for group in groups {
        match group.strip_prefix(&policy.prefix) {
            Some(name) if is_usable(name) && !name.starts_with(RESERVED) && policy.carries(name) => {
                if seen.insert(name) {
                    carried.push(name.to_owned());
                }
            }
            _ => dropped += 1,
        }
    }
    (carried, dropped)
}

/// Whether a name can stand in a token, a log and a terminal.
pub(crate) fn is_usable(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
