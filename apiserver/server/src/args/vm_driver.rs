//! What VMs are, wherever the VM layer runs.

use std::{ffi::OsString, path::Path};

use anyhow::{Context as _, bail};
use process_driver::Programs;

use crate::{
    catalogue::Release,
    driver::{Choice, ProcessHost},
    layers::Layers,
};

#[derive(clap::Args)]
pub(super) struct VmDriver {
    /// What VMs are: sim simulates them and their guests; process runs real etcd, kube-apiserver and kube-controller-manager
    #[arg(long, value_name = "DRIVER", default_value = "sim")]
    driver: Kind,
    /// Folders to look for those three programs in, with colons between them; those of PATH without it
    #[arg(long, value_name = "FOLDERS", env = "GUESTCLUSTERS_PROCESS_PROGRAMS")]
    process_programs: Option<OsString>,
}

/// The drivers by name.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    Sim,
    Process,
}

impl VmDriver {
    /// The driver, whose VMs keep their disks in a part of this folder.
    pub(super) fn choice(&self, data_dir: &Path, layers: Layers) -> anyhow::Result<Choice> {
        Ok(match self.driver {
            Kind::Sim => Choice::Sim,
            Kind::Process if !layers.vm => {
                bail!("--driver=process: the VM layer does not run here (--layers={layers}); name vm in --layers")
            }
            Kind::Process => Choice::Process(ProcessHost::new(data_dir, self.programs()?)?),
        })
    }

    /// What its VMs can run.
    pub(super) fn releases(&self) -> anyhow::Result<Vec<Release>> {
        Ok(match self.driver {
            Kind::Sim => Release::simulated(),
            Kind::Process => Release::of_all_programs(&self.programs()?),
        })
    }

    fn programs(&self) -> anyhow::Result<Programs> {
        let folders = self.process_programs.clone().or_else(|| std::env::var_os("PATH"));
        let folders: Vec<_> = std::env::split_paths(&folders.unwrap_or_default()).collect();
        Programs::find(&folders).context("--process-programs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_needs_the_layer_that_drives_by_it() {
        let process = VmDriver {
            driver: Kind::Process,
            process_programs: None,
        };
        let error = process.choice(Path::new("x"), "guest".parse().unwrap()).err().unwrap();
        assert!(error.to_string().contains("name vm in --layers"), "{error}");
    }
}
