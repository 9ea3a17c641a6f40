//! The certificate that the server shows: by an authority of its own that all replicas share, or from files that somebody
//! else renews.

mod authorities;
mod expiry;
mod files;
mod keeper;
mod secret;
mod shown;
mod warning;

use std::{net::IpAddr, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use kube::Client;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::{files::Files, keeper::Follower};
use super::authentication::Delegated;

pub(super) use self::{authorities::Authorities, keeper::keep, shown::Shown};

/// Where the certificate comes from.
pub(crate) enum Source {
    /// An authority in Secret `guestclusters-system/guestcluster-apiserver-serving`, made by the first server that starts.
    Own,
    /// Files in PEM that somebody else renews: cert-manager in a mounted Secret, say. Who does so keeps the APIService's
    /// caBundle too.
    Files {
        /// The chain, the server's own certificate first.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
}

/// What was found at the start, to be followed from then on.
pub(super) struct Serving {
    /// What new connections are shown.
    pub(super) shown: Arc<Shown>,
    following: Following,
}

enum Following {
    Own(Box<Follower>),
    Files(Files),
}

impl Serving {
    /// Reads the source, for a server that listens on this address. Fails when there is nothing to show.
    pub(super) async fn start(
        source: &Source,
        client: &Client,
        address: IpAddr,
        delegated: Arc<Delegated>,
    ) -> anyhow::Result<Self> {
        match source {
            Source::Own => {
                let authorities = secret::read_or_make(client).await?;
                let (follower, pair) = Follower::new(client.clone(), address, authorities)?;
                let shown = Arc::new(Shown::new(pair, delegated)?);
                let following = Following::Own(Box::new(follower));
                Ok(Self { shown, following })
            }
            Source::Files { certificate, key } => {
                let (files, pair) = Files::read(certificate, key)?;
                let shown = Shown::new(pair, delegated)
                    .context("--tls-cert-file and --tls-private-key-file can't be used together")?;
                let shown = Arc::new(shown);
                let following = Following::Files(files);
                Ok(Self { shown, following })
            }
        }
    }

    /// The authorities that are known, for who keeps them and makes kube-apiserver trust them; none when somebody else does.
    pub(super) fn authorities(&self) -> Option<watch::Receiver<Arc<Authorities>>> {
        match &self.following {
            Following::Own(follower) => Some(follower.authorities()),
            Following::Files(_) => None,
        }
    }

    /// Shows each new certificate to the connections that come after it, and tells when none comes, until `stop`.
    pub(super) async fn follow(self, client: Client, stop: CancellationToken) {
        let Self { shown, following } = self;
        let following = async {
            match following {
                Following::Own(follower) => follower.follow(&shown).await,
                Following::Files(files) => files.follow(&shown).await,
            }
        };
        let both = Box::pin(async { tokio::join!(following, warning::warn(client, &shown)) });
        stop.run_until_cancelled(both).await;
    }
}
