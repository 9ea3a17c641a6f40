//! `guestcluster-apiserver kubeconfig`.

use std::{path::PathBuf, time::Duration};

use crate::embedded;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Data folder of the embedded supervisor
    #[arg(
        long,
        value_name = "DIR",
        default_value = "guestclusters-data",
        env = "GUESTCLUSTERS_DATA_DIR"
    )]
    data_dir: PathBuf,
    /// User name in the certificate
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Group in the certificate
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Default namespace of the context
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,
    /// Hours until the certificate expires, 1 to 8760
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8760))]
    valid_hours: u32,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let user = embedded::UserRequest {
            name: &self.user,
            group: self.group.as_deref(),
            namespace: self.namespace.as_deref(),
            validity: Duration::from_secs(u64::from(self.valid_hours) * 3600),
        };
        print!("{}", embedded::user_kubeconfig(&self.data_dir, &user)?);
        Ok(())
    }
}
