//! `kubectl guest create`: a cluster, from flags or a file.

use std::path::PathBuf;

use guestcluster_types::{
    GuestCluster,
    version::{Candidate, VersionHint, resolve},
};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::{
    ResourceExt,
    api::{ListParams, PostParams},
};
use serde_json::{Value, json};

use super::{FIELD_MANAGER, classes, versions};
use crate::{
    connection::Connection,
    error::{Error, Result},
    output::{self, Format},
    progress::Display,
    waiting::{self, Until, WaitFlags},
};

/// Create a cluster
///
/// What is not given is chosen from what the namespace has, and printed.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  kubectl guest create dev --version v1.34 --workers 2 --vm-class best-effort-small --storage-class gold\n  kubectl guest create dev --workers 3 --dry-run=server -o yaml\n  kubectl guest create -f dev.yaml"
)]
pub(super) struct Args {
    /// Name of the cluster
    #[arg(required_unless_present = "file")]
    name: Option<String>,
    /// Kubernetes version, such as v1.34 or v1.34.2; the newest supported where none is given
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Worker nodes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(0..))]
    workers: i32,
    /// Control-plane nodes: 1, 3 or 5
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=5))]
    control_plane: i32,
    /// VM class of all nodes
    #[arg(long, value_name = "NAME")]
    vm_class: Option<String>,
    /// VM class of the workers, where it is another one
    #[arg(long, value_name = "NAME")]
    worker_vm_class: Option<String>,
    /// Storage class of all nodes
    #[arg(long, value_name = "NAME")]
    storage_class: Option<String>,
    /// Name of the node pool
    #[arg(long, value_name = "NAME", default_value = "default")]
    pool: String,
    /// Addresses of pods
    #[arg(long, value_name = "CIDR")]
    pod_cidr: Option<String>,
    /// Addresses of services
    #[arg(long, value_name = "CIDR")]
    service_cidr: Option<String>,
    /// File with a GuestCluster, - for standard input
    #[arg(long = "filename", short = 'f', id = "file", value_name = "FILE", conflicts_with_all = ["name", "version", "vm_class", "worker_vm_class", "storage_class", "pod_cidr", "service_cidr"])]
    file: Option<PathBuf>,
    /// Only print the object: client asks nothing, server lets the server judge it
    #[arg(long, value_name = "SIDE", value_parser = ["client", "server"])]
    dry_run: Option<String>,
    /// Form of the output; json with waiting prints progress as JSON lines
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
    #[command(flatten)]
    wait: WaitFlags,
}

impl Args {
    pub(super) async fn run(&self, connection: &Connection) -> Result<()> {
        let object = match &self.file {
            Some(path) => read(path)?,
            None => self.build(connection).await?,
        };
        if self.dry_run.as_deref() == Some("client") {
            return output::print_object(&object, self.output.unwrap_or(Format::Yaml));
        }
        let created = self.post(connection, &object).await?;
        let name = created.name_any();
        if self.dry_run.is_some() {
            return output::print_object(&created, self.output.unwrap_or(Format::Yaml));
        }
        if !self.wait.wait() {
            return self.print_created(&created);
        }
        let display = if self.output == Some(Format::Json) {
            Display::Json
        } else {
            Display::Lines
        };
        let until = Until::Running(created.metadata.generation.unwrap_or_default());
        waiting::wait(connection, &name, &self.wait, until, display).await?;
        match self.output {
            Some(Format::Json) => Ok(()),
            Some(_) => self.print_created(&connection.namespaced::<GuestCluster>().get(&name).await?),
            None => self.print_created(&created),
        }
    }

    fn print_created(&self, created: &GuestCluster) -> Result<()> {
        let name = created.name_any();
        match self.output {
            None | Some(Format::Wide) => println!("guestcluster.guestclusters.dev/{name} created"),
            Some(Format::Name) => println!("guestcluster.guestclusters.dev/{name}"),
            Some(format) => output::print_object(created, format)?,
        }
        Ok(())
    }

    async fn post(&self, connection: &Connection, object: &Value) -> Result<GuestCluster> {
        let namespace = match object["metadata"]["namespace"].as_str() {
            Some(other) if other != connection.namespace => {
                return Err(Error::usage(format!(
                    "the file is for namespace {other}, and the command for {}",
                    connection.namespace
                ))
                .next(format!("Add -n {other}.")));
            }
            _ => &connection.namespace,
        };
        let params = PostParams {
            dry_run: self.dry_run.is_some(),
            field_manager: Some(FIELD_MANAGER.to_owned()),
        };
        let body = serde_json::to_vec(object).map_err(|error| Error::failed(error.to_string()))?;
        let path = format!("/apis/guestclusters.dev/v1alpha1/namespaces/{namespace}/guestclusters");
        let mut request = kube::core::Request::new(path)
            .create(&params, body)
            .map_err(|error| Error::failed(error.to_string()))?;
        // As kubectl: an unknown field is refused, not dropped.
        let uri = request.uri().to_string();
        let strict = format!(
            "{uri}{}fieldValidation=Strict",
            if uri.contains('?') { "&" } else { "?" }
        );
        *request.uri_mut() = strict
            .parse()
            .map_err(|_| Error::failed("the request's address is not valid"))?;
        Ok(connection.client.request(request).await?)
    }

    /// The object that the flags and the namespace's defaults make; says what was chosen.
    async fn build(&self, connection: &Connection) -> Result<Value> {
        let version = self.choose_version(connection).await?;
        let vm_class = self.choose_vm_class(connection).await?;
        let storage_class = self.choose_storage_class(connection).await?;
        let worker_class = self.worker_vm_class.as_ref().unwrap_or(&vm_class);
        let name = self.name.as_deref().unwrap_or_default();
        eprintln!(
            "{name}: {}, {} control plane + {} workers, {vm_class}, {storage_class}{}",
            version.full, self.control_plane, self.workers, version.note
        );
        let mut object = json!({
            "apiVersion": "guestclusters.dev/v1alpha1",
            "kind": "GuestCluster",
            "metadata": {"name": name, "namespace": connection.namespace},
            "spec": {
                "distribution": {"version": version.asked},
                "topology": {
                    "controlPlane": {"replicas": self.control_plane, "vmClass": vm_class, "storageClass": storage_class},
                    "nodePools": [
                        {"name": self.pool, "replicas": self.workers, "vmClass": worker_class, "storageClass": storage_class},
                    ],
                },
            },
        });
        for (kind, cidr) in [("pods", &self.pod_cidr), ("services", &self.service_cidr)] {
            if let Some(cidr) = cidr {
                let blocks: Vec<_> = cidr.split(',').collect();
                object["spec"]["settings"]["network"][kind] = json!({"cidrBlocks": blocks});
            }
        }
        Ok(object)
    }

    async fn choose_version(&self, connection: &Connection) -> Result<Version> {
        let releases = connection.cluster().list(&ListParams::default()).await?.items;
        let Some(asked) = &self.version else {
            let releases = versions::newest_first(releases);
            let newest = versions::default_version(&releases).ok_or_else(|| {
                Error::failed("there is no supported version")
                    .next("Name one with --version; see: kubectl guest versions")
            })?;
            let full = newest.to_string();
            return Ok(Version {
                asked: full.clone(),
                full,
                note: "   (the newest supported version)".to_owned(),
            });
        };
        let hint: VersionHint = asked.parse().map_err(|_| {
            Error::usage(format!(
                "--version: {asked:?} is no version; give one such as v1.34 or v1.34.2"
            ))
        })?;
        let candidates: Vec<_> = releases.iter().filter_map(Candidate::of).collect();
        let resolved = resolve(&hint, &candidates, None)
            .map_err(|unresolved| Error::failed(format!("--version: {unresolved}")))?;
        let full = resolved.version.to_string();
        let note = if full == *asked {
            String::new()
        } else {
            format!("   ({asked} resolved to {full}, the newest {})", resolved.support)
        };
        Ok(Version {
            asked: asked.clone(),
            full,
            note,
        })
    }

    async fn choose_vm_class(&self, connection: &Connection) -> Result<String> {
        let classes = classes::vm_classes(connection).await?;
        let names: Vec<_> = classes.iter().map(ResourceExt::name_any).collect();
        let wanted = [
            ("--vm-class", &self.vm_class),
            ("--worker-vm-class", &self.worker_vm_class),
        ];
        for (flag, class) in wanted
            .into_iter()
            .filter_map(|(flag, class)| Some((flag, class.as_ref()?)))
        {
            known(flag, class, &connection.namespace, &names)?;
        }
        match &self.vm_class {
            Some(class) => Ok(class.clone()),
            None => names.into_iter().next().ok_or_else(|| {
                Error::failed(format!("namespace {} has no VM classes", connection.namespace))
                    .next("Ask an administrator of the supervisor for some.")
            }),
        }
    }

    async fn choose_storage_class(&self, connection: &Connection) -> Result<String> {
        let classes = connection
            .cluster::<StorageClass>()
            .list(&ListParams::default())
            .await?
            .items;
        let names: Vec<_> = classes.iter().map(ResourceExt::name_any).collect();
        if let Some(class) = &self.storage_class {
            known("--storage-class", class, &connection.namespace, &names)?;
            return Ok(class.clone());
        }
        let default = classes
            .iter()
            .find(|class| classes::is_default(class))
            .or(classes.first());
        default.map(ResourceExt::name_any).ok_or_else(|| {
            Error::failed("there are no storage classes").next("Ask an administrator of the supervisor for one.")
        })
    }
}

/// A version as it goes into the spec, and what it stands for.
struct Version {
    asked: String,
    full: String,
    note: String,
}

fn known(flag: &str, name: &str, namespace: &str, there: &[String]) -> Result<()> {
    if there.iter().any(|known| known == name) {
        return Ok(());
    }
    let list = if there.is_empty() {
        "there are none".to_owned()
    } else {
        format!("there are {}", there.join(", "))
    };
    Err(Error::failed(format!(
        "{flag}: {name:?} is not in namespace {namespace}; {list}"
    )))
}

fn read(path: &PathBuf) -> Result<Value> {
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())?
    } else {
        std::fs::read_to_string(path).map_err(|error| Error::failed(format!("-f {}: {error}", path.display())))?
    };
    let object: Value =
        serde_saphyr::from_str(&text).map_err(|error| Error::failed(format!("-f {}: {error}", path.display())))?;
    match object["kind"].as_str() {
        Some("GuestCluster") => Ok(object),
        other => Err(Error::failed(format!(
            "-f {}: kind is {:?}, must be GuestCluster",
            path.display(),
            other.unwrap_or("")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_class_names_the_flag_and_what_there_is() {
        let there = ["best-effort-small".to_owned(), "guaranteed-small".to_owned()];
        let error = known("--vm-class", "huge", "team-a", &there).unwrap_err().to_string();
        assert_eq!(
            error,
            "--vm-class: \"huge\" is not in namespace team-a; there are best-effort-small, guaranteed-small"
        );
    }
}
