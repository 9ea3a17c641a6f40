//! Why a kind can't be read.

use kube::{Client, Resource, core::Status, runtime::watcher};

/// What keeps a kind from being read until somebody does something about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// It is not served at the version that is read.
    NotServed {
        /// Group and version.
        wanted: String,
        /// Other versions of the group at which the kind is served.
        served: Vec<String>,
    },
    /// The right to read it is missing.
    Forbidden {
        /// The API server's words, which name user, verb and resource.
        message: String,
    },
}

impl Unavailable {
    /// What an error of a watch says of its kind; none for what passes by itself. Where the kind is not served, the API
    /// server is asked for its other versions.
    pub(super) async fn find<K: Resource<DynamicType = ()>>(client: &Client, error: &watcher::Error) -> Option<Self> {
        let status = status_of(error)?;
        match status.code {
            404 => Some(Self::NotServed {
                wanted: K::api_version(&()).into_owned(),
                served: other_versions::<K>(client).await,
            }),
            403 => Some(Self::Forbidden {
                message: status.message.clone(),
            }),
            _ => None,
        }
    }

    /// Says it of a kind.
    pub(crate) fn sentence(&self, kind: &str) -> String {
        match self {
            Self::NotServed { wanted, served } if served.is_empty() => format!("{kind} of {wanted} is not served"),
            Self::NotServed { wanted, served } => {
                format!("{kind} of {wanted} is not served, only {}", served.join(", "))
            }
            Self::Forbidden { message } => message.clone(),
        }
    }
}

/// The answer of the API server, if it was one.
pub(super) fn status_of(error: &watcher::Error) -> Option<&Status> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status),
        _ => None,
    }
}

/// The versions of a kind's group at which it is served, beside its own. None of what discovery does not answer.
async fn other_versions<K: Resource<DynamicType = ()>>(client: &Client) -> Vec<String> {
    let groups = client
        .list_api_groups()
        .await
        .map(|list| list.groups)
        .unwrap_or_default();
    let versions = groups
        .into_iter()
        .filter(|group| group.name == K::group(&()))
        .flat_map(|group| group.versions);
    let mut served = vec![];
    for version in versions.filter(|version| version.version != K::version(&())) {
        let resources = client.list_api_group_resources(&version.group_version).await;
        let resources = resources.map(|list| list.resources).unwrap_or_default();
        if resources.iter().any(|resource| resource.name == K::plural(&())) {
            served.push(version.version);
        }
    }
    served
}
