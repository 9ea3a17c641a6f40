//! `kubectl guest versions`: the releases that clusters may run.

use guestcluster_types::{GuestClusterRelease, Support, version::KubernetesVersion};
use kube::api::ListParams;

use crate::{
    connection::Connection,
    error::Result,
    output::{self, Format},
};

/// List the Kubernetes versions that clusters may run, newest first
#[derive(clap::Args)]
pub(super) struct Args {
    /// Form of the output
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

impl Args {
    pub(super) async fn run(&self, connection: &Connection) -> Result<()> {
        let list = connection
            .cluster::<GuestClusterRelease>()
            .list(&ListParams::default())
            .await?;
        let releases = newest_first(list.items.clone());
        match self.output {
            None | Some(Format::Wide) => print!("{}", table(&releases)),
            Some(Format::Name) => {
                for (_, release) in &releases {
                    println!("guestclusterrelease.guestclusters.dev/{}", name(release));
                }
            }
            Some(format) => output::print_object(&list, format)?,
        }
        Ok(())
    }
}

/// The releases with a readable version, newest first.
pub(super) fn newest_first(releases: Vec<GuestClusterRelease>) -> Vec<(KubernetesVersion, GuestClusterRelease)> {
    let parsed = releases
        .into_iter()
        .filter_map(|release| Some((release.spec.version.parse().ok()?, release)));
    let mut releases: Vec<(KubernetesVersion, GuestClusterRelease)> = parsed.collect();
    releases.sort_by(|(left, _), (right, _)| right.cmp(left));
    releases
}

/// The newest supported version: what `create` takes when none is given.
pub(super) fn default_version(releases: &[(KubernetesVersion, GuestClusterRelease)]) -> Option<&KubernetesVersion> {
    let supported = releases
        .iter()
        .find(|(_, release)| release.spec.support == Support::Supported);
    supported.map(|(version, _)| version)
}

fn table(releases: &[(KubernetesVersion, GuestClusterRelease)]) -> String {
    let default = default_version(releases);
    let row = |(version, release): &(KubernetesVersion, GuestClusterRelease)| {
        let systems: Vec<_> = release.spec.images.iter().map(|image| image.os.as_str()).collect();
        let note = if Some(version) == default {
            "default for new clusters"
        } else {
            ""
        };
        vec![
            version.to_string(),
            release.spec.support.to_string(),
            systems.join(","),
            note.to_owned(),
        ]
    };
    output::table(
        &["Version", "Support", "OS", ""],
        &releases.iter().map(row).collect::<Vec<_>>(),
    )
}

fn name(release: &GuestClusterRelease) -> &str {
    release.metadata.name.as_deref().unwrap_or_default()
}
