//! The flags that say which etcd keeps the objects, named as kube-apiserver's.

use std::{path::PathBuf, time::Duration};

use generic_apiserver::storage::etcd;

#[derive(clap::Args)]
pub(super) struct EtcdServers {
    /// URLs of etcd's members, with commas between them; without it, the objects are in a file of --data-dir
    #[arg(long = "etcd-servers", value_name = "URLS", value_delimiter = ',')]
    servers: Vec<String>,
    /// PEM file of the authorities of etcd's certificates; without it, the system's
    #[arg(long = "etcd-cafile", value_name = "FILE", requires = "servers")]
    ca_file: Option<PathBuf>,
    /// PEM file of the client certificate for etcd. Files are read anew for each connection
    #[arg(
        long = "etcd-certfile",
        value_name = "FILE",
        requires = "servers",
        requires = "key_file"
    )]
    certificate_file: Option<PathBuf>,
    /// PEM file of the client certificate's key
    #[arg(long = "etcd-keyfile", value_name = "FILE", requires = "certificate_file")]
    key_file: Option<PathBuf>,
    /// User of etcd's
    #[arg(
        long = "etcd-username",
        value_name = "NAME",
        requires = "servers",
        requires = "password_file"
    )]
    user: Option<String>,
    /// File with that user's password
    #[arg(long = "etcd-password-file", value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// What all keys begin with
    #[arg(long = "etcd-prefix", value_name = "PATH", default_value = "/guestclusters.dev")]
    prefix: String,
    /// How much of its past etcd keeps; 0 where somebody else compacts it
    #[arg(long = "etcd-compaction-interval", value_name = "SECONDS", default_value_t = 300)]
    compaction_interval: u32,
}

impl EtcdServers {
    /// None where no etcd is named.
    pub(super) fn into_config(self) -> Option<etcd::Config> {
        let interval = Duration::from_secs(self.compaction_interval.into());
        (!self.servers.is_empty()).then(|| etcd::Config {
            servers: self.servers,
            prefix: self.prefix,
            ca_file: self.ca_file,
            identity: self.certificate_file.zip(self.key_file),
            user: self.user.zip(self.password_file),
            compaction: (!interval.is_zero()).then_some(interval),
        })
    }
}
