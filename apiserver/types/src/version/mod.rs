//! Kubernetes versions, what a version string asks for, which release answers it, and which way an upgrade may go.

mod hint;
mod path;
mod resolve;

use std::{cmp::Ordering, fmt, str::FromStr};

pub use hint::VersionHint;
pub use path::{PathProblem, check_path, updates};
pub use resolve::{Candidate, Dropped, Reason, Resolved, Unresolved, resolve};

/// The oldest minor that a release may have.
pub const OLDEST_MINOR: u64 = 32;

/// A full version, `vX.Y.Z[-pre][+build]`. Ordered as Semantic Versioning 2.0.0 has it, and then by build metadata, because
/// vendors count rebuilds there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KubernetesVersion {
    major: u64,
    minor: u64,
    patch: u64,
    pre: Box<[String]>,
    build: Box<[String]>,
}

/// Why a string is not a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version such as v1.34.2")]
pub struct InvalidVersion(pub(crate) String);

impl KubernetesVersion {
    /// Major version.
    pub fn major(&self) -> u64 {
        self.major
    }

    /// Minor version.
    pub fn minor(&self) -> u64 {
        self.minor
    }

    /// Patch version.
    pub fn patch(&self) -> u64 {
        self.patch
    }

    /// Whether it comes before a release, such as `v1.35.0-rc.1`.
    pub fn is_prerelease(&self) -> bool {
        !self.pre.is_empty()
    }
}

impl FromStr for KubernetesVersion {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        parse(text).ok_or_else(|| InvalidVersion(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<KubernetesVersion> {
    let rest = text.strip_prefix('v')?;
    let (rest, build) = match rest.split_once('+') {
        Some((rest, build)) => (rest, identifiers(build)?),
        None => (rest, Box::default()),
    };
    let (numbers, pre) = match rest.split_once('-') {
        Some((numbers, pre)) => (numbers, identifiers(pre)?),
        None => (rest, Box::default()),
    };
    let mut numbers = numbers.split('.').map(number);
    let (major, minor, patch) = (numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(KubernetesVersion {
        major,
        minor,
        patch,
        pre,
        build,
    })
}

/// A number without leading zeros or signs.
fn number(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = plain && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

fn identifiers(text: &str) -> Option<Box<[String]>> {
    let valid = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    text.split('.')
        .map(|part| valid(part).then(|| part.to_owned()))
        .collect()
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "v{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(formatter, "-{}", self.pre.join("."))?;
        }
        if !self.build.is_empty() {
            write!(formatter, "+{}", self.build.join("."))?;
        }
        Ok(())
    }
}

impl Ord for KubernetesVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch)
            .cmp(&(other.major, other.minor, other.patch))
            .then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                _ => compare(&self.pre, &other.pre),
            })
            .then_with(|| compare(&self.build, &other.build))
    }
}

impl PartialOrd for KubernetesVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Numbers by value and below words, words by their letters, and the longer list above its own beginning.
fn compare(left: &[String], right: &[String]) -> Ordering {
    left.iter()
        .zip(right)
        .map(|(left, right)| match (number(left), number(right)) {
            (Some(left), Some(right)) => left.cmp(&right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => left.cmp(right),
        })
        .find(|order| order.is_ne())
        .unwrap_or_else(|| left.len().cmp(&right.len()))
}

#[cfg(test)]
mod tests;
