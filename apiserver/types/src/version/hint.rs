//! What a version string in a GuestCluster asks for.

use std::{fmt, str::FromStr};

use super::{InvalidVersion, KubernetesVersion, number};

/// A version as far as a person gave it: `vX.Y`, `vX.Y.Z` or a full version. Compared by whole components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionHint {
    /// Any patch of a minor.
    Minor {
        /// Major version.
        major: u64,
        /// Minor version.
        minor: u64,
    },
    /// `vX.Y.Z`, which any build of it answers, or a full version, which only itself does.
    Exact(KubernetesVersion),
}

impl VersionHint {
    /// Whether a version is what was asked for. `v1.34` does not mean the pre-releases of v1.34.0.
    pub fn matches(&self, version: &KubernetesVersion) -> bool {
        match self {
            Self::Minor { major, minor } => {
                version.major == *major && version.minor == *minor && !version.is_prerelease()
            }
            Self::Exact(exact) if exact.build.is_empty() => {
                (exact.major, exact.minor, exact.patch, &exact.pre)
                    == (version.major, version.minor, version.patch, &version.pre)
            }
            Self::Exact(exact) => exact == version,
        }
    }

    /// Whether it names this one version in full.
    pub fn names(&self, version: &KubernetesVersion) -> bool {
        matches!(self, Self::Exact(exact) if exact == version)
    }

    /// Major and minor.
    pub fn minor(&self) -> (u64, u64) {
        match self {
            Self::Minor { major, minor } => (*major, *minor),
            Self::Exact(exact) => (exact.major, exact.minor),
        }
    }
}

impl FromStr for VersionHint {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        if let Ok(exact) = text.parse() {
            return Ok(Self::Exact(exact));
        }
        minor(text).ok_or_else(|| InvalidVersion(text.to_owned()))
    }
}

fn minor(text: &str) -> Option<VersionHint> {
    let (major, minor) = text.strip_prefix('v')?.split_once('.')?;
    Some(VersionHint::Minor {
        major: number(major)?,
        minor: number(minor)?,
    })
}

impl fmt::Display for VersionHint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minor { major, minor } => write!(formatter, "v{major}.{minor}"),
            Self::Exact(exact) => exact.fmt(formatter),
        }
    }
}
