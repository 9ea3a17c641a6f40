//! `kubectl guest get`: clusters in a table, as the server prints it.

use futures::{StreamExt as _, pin_mut};
use guestcluster_types::{GuestCluster, columns};
use kube::{
    Api, ResourceExt as _,
    api::ListParams,
    runtime::{WatchStreamExt as _, watcher},
};

use crate::{
    connection::Connection,
    error::{Error, Result},
    output::{self, Format},
};

/// List clusters
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  kubectl guest get\n  kubectl guest get -A -o wide\n  kubectl guest get dev -o yaml"
)]
pub(super) struct Args {
    /// Names; all clusters of the namespace where none is given
    names: Vec<String>,
    /// Clusters of all namespaces
    #[arg(long, short = 'A')]
    all_namespaces: bool,
    /// Only those with these labels
    #[arg(long, short = 'l', value_name = "SELECTOR", conflicts_with = "names")]
    selector: Option<String>,
    /// Form of the output
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
    /// Go on and print what changes
    #[arg(long, short)]
    watch: bool,
}

impl Args {
    pub(super) async fn run(&self, connection: &Connection) -> Result<()> {
        if self.all_namespaces && !self.names.is_empty() {
            return Err(Error::usage("a name needs one namespace: leave out -A"));
        }
        if self.watch {
            return self.follow(connection).await;
        }
        let clusters = self.read(connection).await?;
        match self.output {
            None | Some(Format::Wide) => self.print_table(connection, &clusters)?,
            Some(Format::Name) => {
                for cluster in &clusters {
                    println!("{}", resource_name(cluster));
                }
            }
            Some(format) => match clusters.as_slice() {
                [only] if self.names.len() == 1 => output::print_object(only, format)?,
                several => output::print_list(several, format)?,
            },
        }
        Ok(())
    }

    fn api(&self, connection: &Connection) -> Api<GuestCluster> {
        if self.all_namespaces {
            Api::all(connection.client.clone())
        } else {
            connection.namespaced()
        }
    }

    async fn read(&self, connection: &Connection) -> Result<Vec<GuestCluster>> {
        let api = self.api(connection);
        if self.names.is_empty() {
            let mut params = ListParams::default();
            params.label_selector.clone_from(&self.selector);
            return Ok(api.list(&params).await?.items);
        }
        let mut found = Vec::new();
        for name in &self.names {
            found.push(api.get(name).await?);
        }
        Ok(found)
    }

    fn print_table(&self, connection: &Connection, clusters: &[GuestCluster]) -> Result<()> {
        if clusters.is_empty() {
            let place = if self.all_namespaces {
                String::new()
            } else {
                format!(" in namespace {}", connection.namespace)
            };
            eprintln!("No guest clusters{place}.");
            return Ok(());
        }
        print!("{}", self.table(clusters)?);
        Ok(())
    }

    fn table(&self, clusters: &[GuestCluster]) -> Result<String> {
        let objects: std::result::Result<Vec<_>, _> = clusters.iter().map(serde_json::to_value).collect();
        let objects = objects.map_err(|error| Error::failed(error.to_string()))?;
        let wide = self.output == Some(Format::Wide);
        Ok(output::objects(
            columns::GUEST_CLUSTER,
            &objects,
            self.all_namespaces,
            wide,
        ))
    }

    async fn follow(&self, connection: &Connection) -> Result<()> {
        let mut config = watcher::Config::default();
        config.label_selector.clone_from(&self.selector);
        let changes = watcher(self.api(connection), config)
            .default_backoff()
            .touched_objects();
        pin_mut!(changes);
        let mut header = true;
        while let Some(change) = changes.next().await {
            match change {
                Ok(cluster) if self.names.is_empty() || self.names.contains(&cluster.name_any()) => {
                    let table = self.table(std::slice::from_ref(&cluster))?;
                    let lines = if header {
                        table.as_str()
                    } else {
                        table.split_once('\n').map_or("", |(_, rest)| rest)
                    };
                    print!("{lines}");
                    header = false;
                }
                Ok(_) => {}
                Err(watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error)) => {
                    return Err(error.into());
                }
                Err(error) => eprintln!("the connection broke, trying again: {error}"),
            }
        }
        Ok(())
    }
}

fn resource_name(cluster: &GuestCluster) -> String {
    format!("guestcluster.guestclusters.dev/{}", cluster.name_any())
}
