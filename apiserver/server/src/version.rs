//! What `/version` says.

use generic_apiserver::serve::VersionInfo;

/// The Kubernetes API level that the server keeps to, with its own version as build metadata.
pub(crate) fn version() -> VersionInfo {
    VersionInfo {
        git_version: format!("v1.37.2+guestclusters.{}", env!("CARGO_PKG_VERSION")),
        major: "1".to_owned(),
        minor: "37".to_owned(),
    }
}
