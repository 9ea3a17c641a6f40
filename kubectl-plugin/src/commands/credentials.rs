//! `kubectl guest credentials`: who holds what until when.

use guestcluster_types::{GuestCredential, columns};
use kube::{Api, api::ListParams};
use serde_json::Value;

use crate::{
    connection::Connection,
    error::{Error, Result},
    output::{self, Format},
};

/// Credentials that are listed.
const AT_MOST: u32 = 500;

/// List the credentials of a cluster: who holds them, at which level, until when
///
/// They are records: the credentials themselves are kept nowhere. Deleting a record revokes its credential.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  kubectl guest credentials dev\n  kubectl guest credentials --user ann@example.com\n  kubectl delete guestcredential NAME --wait"
)]
pub(super) struct Args {
    /// Name of the cluster; all of the namespace where none is given
    name: Option<String>,
    /// Only those of this person
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Those of all namespaces
    #[arg(long, short = 'A')]
    all_namespaces: bool,
    /// Form of the output
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

impl Args {
    pub(super) async fn run(&self, connection: &Connection) -> Result<()> {
        if self.all_namespaces && self.name.is_some() {
            return Err(Error::usage("a name needs one namespace: leave out -A"));
        }
        let api: Api<GuestCredential> = if self.all_namespaces {
            Api::all(connection.client.clone())
        } else {
            connection.namespaced()
        };
        let list = api
            .list(&ListParams::default().fields(&self.fields()).limit(AT_MOST))
            .await?;
        if list.metadata.continue_.as_deref().is_some_and(|more| !more.is_empty()) {
            eprintln!("note: there are more than {AT_MOST}; name a cluster or --user to see others");
        }
        self.print(&list.items)
    }

    fn fields(&self) -> String {
        let field = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name}={value}"));
        let fields = [
            field("spec.clusterRef.name", &self.name),
            field("spec.user", &self.user),
        ];
        fields.into_iter().flatten().collect::<Vec<_>>().join(",")
    }

    fn print(&self, credentials: &[GuestCredential]) -> Result<()> {
        let objects: std::result::Result<Vec<Value>, _> = credentials.iter().map(serde_json::to_value).collect();
        let objects = objects.map_err(|error| Error::failed(error.to_string()))?;
        match self.output {
            None | Some(Format::Wide) if objects.is_empty() => {
                eprintln!("No credentials that have not expired.");
                Ok(())
            }
            None | Some(Format::Wide) => {
                let wide = self.output == Some(Format::Wide);
                print!(
                    "{}",
                    output::objects(columns::GUEST_CREDENTIAL, &objects, self.all_namespaces, wide)
                );
                Ok(())
            }
            Some(Format::Name) => {
                for object in &objects {
                    println!(
                        "guestcredential.guestclusters.dev/{}",
                        object["metadata"]["name"].as_str().unwrap_or_default()
                    );
                }
                Ok(())
            }
            Some(format) => output::print_list(&objects, format),
        }
    }
}
