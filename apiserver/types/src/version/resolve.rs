//! From what a person asked for to one release, or to why there is none.

use std::fmt;

use super::{KubernetesVersion, PathProblem, VersionHint, check_path};
use crate::{GuestClusterRelease, Support};

/// A release that could be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its version.
    pub version: KubernetesVersion,
    /// How far it is supported.
    pub support: Support,
}

impl Candidate {
    /// The release as a candidate; `None` if its version is not one.
    pub fn of(release: &GuestClusterRelease) -> Option<Self> {
        Some(Self {
            version: release.spec.version.parse().ok()?,
            support: release.spec.support,
        })
    }
}

/// The release chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Its full version.
    pub version: KubernetesVersion,
    /// How far it is supported.
    pub support: Support,
}

/// No release answers the hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// What was asked for.
    pub hint: VersionHint,
    /// All candidates, newest first, with why each was dropped.
    pub dropped: Vec<Dropped>,
}

/// A candidate that was not chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its version.
    pub version: KubernetesVersion,
    /// Why not.
    pub why: Reason,
}

/// Why a candidate was not chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Another version was asked for.
    OtherVersion,
    /// It is expired.
    Expired,
    /// It is a preview, and was not named in full.
    Preview,
    /// The cluster can't go there from what it runs.
    Path(PathProblem),
}

/// Chooses the release for a hint: the newest supported one that matches, else the newest deprecated one; a preview only where
/// its full version is given, an expired one only where the cluster runs it already.
pub fn resolve(
    hint: &VersionHint,
    candidates: &[Candidate],
    running: Option<&KubernetesVersion>,
) -> Result<Resolved, Unresolved> {
    let mut sorted: Vec<_> = candidates.iter().collect();
    sorted.sort_by(|left, right| right.version.cmp(&left.version));
    let mut chosen: Option<&Candidate> = None;
    let mut dropped = vec![];
    for candidate in sorted {
        match reason_against(candidate, hint, running) {
            Some(why) => dropped.push(Dropped {
                version: candidate.version.clone(),
                why,
            }),
            None if chosen.is_none_or(|best| rank(candidate.support) > rank(best.support)) => chosen = Some(candidate),
            None => {}
        }
    }
    match chosen {
        Some(candidate) => Ok(Resolved {
            version: candidate.version.clone(),
            support: candidate.support,
        }),
        None => Err(Unresolved {
            hint: hint.clone(),
            dropped,
        }),
    }
}

fn reason_against(candidate: &Candidate, hint: &VersionHint, running: Option<&KubernetesVersion>) -> Option<Reason> {
    if !hint.matches(&candidate.version) {
        return Some(Reason::OtherVersion);
    }
    if running == Some(&candidate.version) {
        return None;
    }
    if candidate.support == Support::Expired {
        return Some(Reason::Expired);
    }
    if candidate.support == Support::Preview && !hint.names(&candidate.version) {
        return Some(Reason::Preview);
    }
    check_path(running?, &candidate.version).err().map(Reason::Path)
}

fn rank(support: Support) -> u8 {
    match support {
        Support::Expired => 0,
        Support::Preview => 1,
        Support::Deprecated => 2,
        Support::Supported => 3,
    }
}

impl fmt::Display for Unresolved {
    /// `no release fits v1.35: v1.35.0 is two minors above v1.33.7, ...; the others are v1.34.2, v1.33.7`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dropped.is_empty() {
            return write!(formatter, "no release fits {}: there are no releases at all", self.hint);
        }
        let explained: Vec<_> = self.dropped.iter().filter_map(Dropped::explanation).collect();
        let others: Vec<_> = (self
            .dropped
            .iter()
            .filter(|dropped| dropped.why == Reason::OtherVersion))
        .map(|dropped| dropped.version.to_string())
        .collect();
        match (explained.is_empty(), others.is_empty()) {
            (true, _) => write!(
                formatter,
                "no release fits {}; there are {}",
                self.hint,
                others.join(", ")
            ),
            (false, true) => write!(formatter, "no release fits {}: {}", self.hint, explained.join("; ")),
            (false, false) => {
                write!(formatter, "no release fits {}: {}", self.hint, explained.join("; "))?;
                write!(formatter, "; the others are {}", others.join(", "))
            }
        }
    }
}

impl std::error::Error for Unresolved {}

impl Dropped {
    /// Why a candidate that matches was dropped all the same.
    fn explanation(&self) -> Option<String> {
        match &self.why {
            Reason::OtherVersion => None,
            Reason::Expired => Some(format!("{} is expired", self.version)),
            Reason::Preview => Some(format!("{0} is a preview, name it in full to get it", self.version)),
            Reason::Path(problem) => Some(problem.to_string()),
        }
    }
}
