//! The servers that are compared, with the users who ask them.

use std::{collections::BTreeMap, path::PathBuf};

use guestcluster_tests::Host;
use kube::Config;
use tokio::runtime::Runtime;

use crate::{
    client::{Server, User, config},
    compare::{
        library::Library,
        servers::{Ours, Running},
    },
    registered::Registered,
};

/// All servers; they end with this value.
pub(crate) struct Servers {
    pub(crate) theirs: Server,
    library: Server,
    /// One more of the library, whose users come through a front proxy.
    proxied: Server,
    embedded: Server,
    /// A kube-apiserver that has our kinds and the test kinds through its aggregator.
    aggregated: Option<Aggregated>,
    pub(crate) running: Running,
    _proxied: Library,
}

/// What is behind another kube-apiserver's aggregator.
pub(crate) struct Aggregated {
    pub(crate) server: Server,
    /// One of the libraries there: it keeps namespaces of its own, while kube-apiserver's are what clients see.
    pub(crate) namespaces: Server,
    pub(crate) registered: Registered,
}

impl Servers {
    /// Starts all; those behind the aggregator only where they are asked for.
    pub(crate) fn start(aggregated: bool) -> Self {
        let running = Running::start(false);
        let aggregated = aggregated.then(|| Aggregated::start(&running.runtime));
        let proxied_library = running.runtime.block_on(Library::start(&running.host, false));
        let (theirs, library, proxied, embedded) = running.runtime.block_on(async {
            (
                Server::new(configs(|user| host_kubeconfig(&running, user)).await),
                Server::new(of_library(&running, &running.library).await),
                Server::behind_front_proxy(of_library(&running, &proxied_library).await),
                Server::new(configs(|user| embedded_kubeconfig(&running, user)).await),
            )
        });
        Self {
            theirs,
            library,
            proxied,
            embedded,
            aggregated,
            running,
            _proxied: proxied_library,
        }
    }

    pub(crate) fn ours(&self, which: Ours) -> &Server {
        match which {
            Ours::Library => &self.library,
            Ours::Embedded => &self.embedded,
        }
    }

    /// Another one of the same, with objects of its own, whose users come through a front proxy. The embedded supervisor
    /// believes none.
    pub(crate) fn proxied(&self, which: Ours) -> Option<&Server> {
        match which {
            Ours::Library => Some(&self.proxied),
            Ours::Embedded => None,
        }
    }

    pub(crate) fn aggregated(&self) -> Option<&Aggregated> {
        self.aggregated.as_ref()
    }
}

impl Aggregated {
    fn start(runtime: &Runtime) -> Self {
        let registered = Registered::start(runtime);
        let host = registered.supervisor.host();
        let (address, authority) = &registered.library;
        let url = format!("https://{address}");
        let (server, namespaces) = runtime.block_on(async {
            let direct = configs(|user| of_host(host, user)).await;
            let direct = direct
                .into_iter()
                .map(|(user, config)| (user, elsewhere(config, &url, authority)))
                .collect();
            (
                Server::new(configs(|user| of_host(host, user)).await),
                Server::behind_front_proxy(direct),
            )
        });
        Self {
            server,
            namespaces,
            registered,
        }
    }
}

/// How each user gets to a server, by their kubeconfigs.
async fn configs(kubeconfig: impl Fn(User) -> PathBuf) -> BTreeMap<User, Config> {
    let mut configs = BTreeMap::new();
    for user in User::ALL {
        configs.insert(user, config(&kubeconfig(user), user).await);
    }
    configs
}

fn host_kubeconfig(running: &Running, user: User) -> PathBuf {
    of_host(&running.host, user)
}

fn of_host(host: &Host, user: User) -> PathBuf {
    match user {
        User::Admin => host.kubeconfig(user.name(), Some("system:masters"), None),
        User::Dev | User::Nobody | User::FalseProxy => host.kubeconfig(user.name(), None, None),
        User::FrontProxy | User::OtherProxy => host.front_proxy_kubeconfig(user.name()),
    }
}

fn embedded_kubeconfig(Running { supervisor, .. }: &Running, user: User) -> PathBuf {
    match user {
        User::Dev => supervisor.user_kubeconfig(user.name()),
        _ => supervisor.admin_kubeconfig(),
    }
}

/// The library's users are the host's.
async fn of_library(running: &Running, library: &Library) -> BTreeMap<User, Config> {
    let configs = configs(|user| host_kubeconfig(running, user)).await;
    let to_library = |config| elsewhere(config, &library.url, &library.authority);
    configs
        .into_iter()
        .map(|(user, config)| (user, to_library(config)))
        .collect()
}

/// The same credential for another server.
fn elsewhere(mut config: Config, url: &str, authority: &str) -> Config {
    use rustls_pki_types::{CertificateDer, pem::PemObject as _};
    config.cluster_url = url.parse().unwrap();
    let certificate = CertificateDer::from_pem_slice(authority.as_bytes()).unwrap();
    config.root_cert = Some(vec![certificate.to_vec()]);
    config
}
