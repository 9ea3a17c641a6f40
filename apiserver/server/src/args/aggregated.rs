//! `guestcluster-apiserver aggregated`.

use std::{net::SocketAddr, path::PathBuf};

use guestcluster_credentials::SubjectPolicy;
use regex::Regex;

use super::{Auditing, Logging, Stopping, WatchHistory, content, etcd::EtcdServers, vm_driver::VmDriver};
use crate::{
    aggregated::{self, Source},
    layers::Layers,
};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// How to reach the supervisor's kube-apiserver, and as whom; without it, the pod's service account
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Folder for the objects where etcd does not keep them; made when missing. One process at a time
    #[arg(
        long,
        value_name = "DIR",
        default_value = "guestclusters-data",
        env = "GUESTCLUSTERS_DATA_DIR"
    )]
    data_dir: PathBuf,
    /// Address to serve on, which kube-apiserver must reach; port 0 picks a free one, written to DIR/server
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8443")]
    listen: SocketAddr,
    /// Certificate to serve with, PEM, its chain after it; read again when it changes. Without it, replicas share an authority in
    /// Secret guestclusters-system/guestcluster-apiserver-serving and keep the APIService's caBundle
    #[arg(long, value_name = "FILE", requires = "tls_private_key_file")]
    tls_cert_file: Option<PathBuf>,
    /// Key of --tls-cert-file, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    tls_private_key_file: Option<PathBuf>,
    /// Which layers run here: all, none, or some of guest,machine,vm. Upstream's managers run the others
    #[arg(long, value_name = "LAYERS", default_value = "guest")]
    layers: Layers,
    #[command(flatten)]
    driver: VmDriver,
    /// Image of this program that guests' control-plane nodes can pull: each runs the agent by which it accepts credentials.
    /// Without it, bring the agent there by other means, or nobody can log in to guests
    #[arg(long, value_name = "IMAGE")]
    guest_agent_image: Option<String>,
    /// What the supervisor puts before the names of users and groups that come from SSO. Only they may have credentials for
    /// guests, where they are known without it
    #[arg(long, value_name = "PREFIX", default_value = "sso:")]
    sso_prefix: String,
    /// Regular expression for the groups that credentials carry, matched against names without the prefix
    #[arg(long, value_name = "REGEX")]
    sso_group_filter: Option<Regex>,
    /// Give credentials for guests to those alone who send their SSO token with the request, so that the right to impersonate
    /// somebody gives none in their name
    #[arg(long)]
    require_subject_token: bool,
    #[command(flatten)]
    etcd: EtcdServers,
    /// File in kube-apiserver's EncryptionConfiguration format: which objects are encrypted where they are stored, with which
    /// keys. Providers aesgcm, secretbox and identity; read at the start
    #[arg(long, value_name = "FILE")]
    encryption_provider_config: Option<PathBuf>,
    #[command(flatten)]
    history: WatchHistory,
    #[command(flatten)]
    audit: Auditing,
    #[command(flatten)]
    stopping: Stopping,
    #[command(flatten)]
    pub(super) logging: Logging,
}

impl Arguments {
    pub(super) fn into_config(self) -> anyhow::Result<aggregated::Config> {
        let certificate = match (self.tls_cert_file, self.tls_private_key_file) {
            (Some(certificate), Some(key)) => Source::Files { certificate, key },
            _ => Source::Own,
        };
        Ok(aggregated::Config {
            people: SubjectPolicy::new(&self.sso_prefix, self.sso_group_filter)?,
            require_subject_token: self.require_subject_token,
            driver: self.driver.choice(&self.data_dir, self.layers)?,
            kubeconfig: self.kubeconfig,
            data_dir: self.data_dir,
            certificate,
            etcd: self.etcd.into_config(),
            encryption: content(
                "--encryption-provider-config",
                self.encryption_provider_config.as_deref(),
            )?,
            listen: self.listen,
            layers: self.layers,
            guest_agent_image: self.guest_agent_image,
            history: self.history.into_limits(),
            audit: self.audit.into_config()?,
            shutdown_delay: self.stopping.delay(),
        })
    }
}
