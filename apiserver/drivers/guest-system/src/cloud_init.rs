//! Reads the bootstrap data of a VM: the files that cloud-init would write, and kubeadm's configuration among them.

use std::collections::BTreeMap;

use guestcluster_credentials::{PublicKey, trust_object::PUBLIC_KEY_FILE};
use serde::Deserialize;
use serde_json::Value;

/// Where Cluster API puts kubeadm's configuration.
const KUBEADM_FOLDER: &str = "/run/kubeadm/";
const CA_CERTIFICATE: &str = "/etc/kubernetes/pki/ca.crt";
const CA_KEY: &str = "/etc/kubernetes/pki/ca.key";
/// Documents that one file may hold.
const DOCUMENTS: usize = 16;

/// What a VM's bootstrap data tells it to do.
pub struct Bootstrap {
    /// What kubeadm runs.
    pub role: Role,
    /// The guest's authority, on control-plane VMs. Secret.
    pub authority: Option<Authority>,
    /// The public half of the guest's trust key, on control-plane VMs: without it no tokens are accepted.
    pub trust_key: Option<PublicKey>,
    /// Labels of the node.
    pub labels: BTreeMap<String, String>,
    /// Taints of the node; none means kubeadm's default for its role.
    pub taints: Option<Vec<Value>>,
    /// Every file that cloud-init writes, in its order. Secret.
    pub files: Vec<File>,
}

/// What kubeadm runs.
pub enum Role {
    /// `kubeadm init`, with its ClusterConfiguration.
    Init(Value),
    /// `kubeadm join`.
    Join(Join),
}

/// How a node joins.
pub struct Join {
    /// `host:port` of the API server.
    pub endpoint: String,
    /// Bootstrap token, `id.secret`. Secret.
    pub token: String,
    /// Whether it becomes a control-plane node.
    pub control_plane: bool,
    /// `sha256:` and the hash of the public key of an authority that may have signed the API server's certificate.
    pub authority_hashes: Vec<String>,
}

/// PEM of the guest's authority.
#[derive(Clone)]
pub struct Authority {
    /// Certificate.
    pub certificate: String,
    /// Key. Secret.
    pub key: String,
}

/// The bootstrap data is not what Cluster API writes. Never quotes it: it carries keys.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BootstrapError {
    /// It is no cloud-config, as this line shows.
    #[error("line {0} of the bootstrap data is not what a cloud-config has there")]
    NotCloudConfig(u64),
    /// A file holds no readable YAML.
    #[error("the bootstrap data's file {0} can't be read")]
    File(String),
    /// It runs no kubeadm.
    #[error("the bootstrap data has no kubeadm configuration")]
    NoKubeadm,
    /// A field is missing.
    #[error("kubeadm's {0} is missing from the bootstrap data")]
    Missing(&'static str),
}

#[derive(Deserialize)]
struct CloudConfig {
    #[serde(default)]
    write_files: Vec<File>,
}

/// A file that cloud-init writes.
#[derive(Deserialize)]
pub struct File {
    /// Where, on the VM.
    pub path: String,
    /// Its content as it stands in the data. Secret.
    #[serde(default)]
    pub content: String,
    /// How the content is encoded, if it is.
    pub encoding: Option<String>,
    /// Whether it goes behind what the file has.
    #[serde(default)]
    pub append: bool,
}

impl Bootstrap {
    /// Whether the VM becomes a control-plane node.
    pub fn is_control_plane(&self) -> bool {
        match &self.role {
            Role::Init(_) => true,
            Role::Join(join) => join.control_plane,
        }
    }

    /// `host:port` at which the guest's API server is reached, which all VMs of a guest name alike.
    pub fn endpoint(&self) -> Option<&str> {
        match &self.role {
            Role::Init(cluster) => cluster["controlPlaneEndpoint"].as_str(),
            Role::Join(join) => Some(&join.endpoint),
        }
    }
}

/// Reads bootstrap data.
pub fn parse(user_data: &str) -> Result<Bootstrap, BootstrapError> {
    let config: CloudConfig = serde_saphyr::from_str(user_data).map_err(|error| {
        let line = error.location().map_or(1, |location| location.line());
        BootstrapError::NotCloudConfig(line)
    })?;
    let files = config.write_files;
    let documents = kubeadm_documents(&files)?;
    let find = |kind: &str| documents.iter().find(|document| document["kind"] == kind);
    let authority = content(&files, CA_CERTIFICATE)
        .zip(content(&files, CA_KEY))
        .map(|(certificate, key)| Authority {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        });
    if let Some(init) = find("InitConfiguration").or_else(|| find("ClusterConfiguration")) {
        let cluster = find("ClusterConfiguration")
            .cloned()
            .ok_or(BootstrapError::Missing("ClusterConfiguration"))?;
        authority
            .as_ref()
            .ok_or(BootstrapError::Missing("certificate authority"))?;
        return Ok(bootstrap(
            Role::Init(cluster),
            authority,
            &init["nodeRegistration"],
            files,
        ));
    }
    let join = find("JoinConfiguration").ok_or(BootstrapError::NoKubeadm)?;
    let discovery = &join["discovery"]["bootstrapToken"];
    let text = |value: &Value, what| value.as_str().map(str::to_owned).ok_or(BootstrapError::Missing(what));
    let role = Role::Join(Join {
        endpoint: text(&discovery["apiServerEndpoint"], "apiServerEndpoint")?,
        token: text(&discovery["token"], "token")?,
        control_plane: !join["controlPlane"].is_null(),
        authority_hashes: texts(&discovery["caCertHashes"]),
    });
    Ok(bootstrap(role, authority, &join["nodeRegistration"], files))
}

fn bootstrap(role: Role, authority: Option<Authority>, registration: &Value, files: Vec<File>) -> Bootstrap {
    Bootstrap {
        role,
        authority,
        trust_key: trust_key(&files),
        labels: node_labels(&registration["kubeletExtraArgs"]),
        taints: registration["taints"].as_array().cloned(),
        files,
    }
}

/// The content of a file; the last one of a path counts.
fn content<'a>(files: &'a [File], path: &str) -> Option<&'a str> {
    let file = files.iter().rev().find(|file| file.path == path)?;
    Some(&file.content)
}

fn texts(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// A key that can't be read counts as none: the guest works without tokens, as a real one would.
fn trust_key(files: &[File]) -> Option<PublicKey> {
    let key = PublicKey::from_pem(content(files, PUBLIC_KEY_FILE)?);
    key.inspect_err(|error| tracing::warn!(%error, "the trust key of a control-plane VM can't be read"))
        .ok()
}

fn kubeadm_documents(files: &[File]) -> Result<Vec<Value>, BootstrapError> {
    let mut documents = Vec::new();
    for File { path, content, .. } in files.iter().filter(|file| file.path.starts_with(KUBEADM_FOLDER)) {
        for document in content
            .split("\n---")
            .map(|document| document.trim_start_matches("---"))
            .take(DOCUMENTS)
        {
            if document.trim().is_empty() {
                continue;
            }
            documents.push(serde_saphyr::from_str(document).map_err(|_| BootstrapError::File(path.clone()))?);
        }
    }
    Ok(documents)
}

/// Labels from kubelet's `node-labels` argument: a list of name and value from kubeadm v1beta4 on, a map before.
fn node_labels(arguments: &Value) -> BTreeMap<String, String> {
    let text = match arguments {
        Value::Array(list) => list
            .iter()
            .find(|argument| argument["name"] == "node-labels")
            .and_then(|argument| argument["value"].as_str()),
        other => other["node-labels"].as_str(),
    };
    let pairs = text
        .unwrap_or_default()
        .split(',')
        .filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOIN: &str = r#"## template: jinja
#cloud-config
write_files:
- path: /run/kubeadm/kubeadm-join-config.yaml
  owner: root:root
  permissions: '0640'
  content: |
    ---
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: JoinConfiguration
    discovery:
      bootstrapToken:
        apiServerEndpoint: 127.64.0.9:6443
        token: abcdef.0123456789abcdef
        caCertHashes: ["sha256:00"]
    nodeRegistration:
      name: '{{ ds.meta_data.local_hostname }}'
      kubeletExtraArgs:
      - {name: node-labels, value: "tier=web,zone=a"}
      taints: [{key: dedicated, value: web, effect: NoSchedule}]
runcmd:
- kubeadm join --config /run/kubeadm/kubeadm-join-config.yaml
"#;

    #[test]
    fn a_worker_joins_with_labels_and_taints() {
        let bootstrap = parse(JOIN).unwrap();
        assert!(!bootstrap.is_control_plane());
        assert_eq!(bootstrap.labels["tier"], "web");
        assert_eq!(bootstrap.taints.unwrap()[0]["key"], "dedicated");
        let Role::Join(join) = bootstrap.role else {
            panic!("joins")
        };
        assert_eq!(
            (join.endpoint.as_str(), join.token.as_str()),
            ("127.64.0.9:6443", "abcdef.0123456789abcdef")
        );
    }

    #[test]
    fn the_trust_key_is_read_where_there_is_one() {
        let key = guestcluster_credentials::SigningKey::generate().unwrap();
        let with = |pem: &str| {
            let file = serde_json::json!({"path": PUBLIC_KEY_FILE, "content": pem});
            parse(&JOIN.replace("write_files:\n", &format!("write_files:\n- {file}\n")))
                .unwrap()
                .trust_key
        };
        assert_eq!(with(&key.public().to_pem()).as_ref(), Some(key.public()));
        assert_eq!(with("no key"), None);
        assert_eq!(parse(JOIN).unwrap().trust_key, None);
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_is_quoted() {
        assert_eq!(parse("- a list").err(), Some(BootstrapError::NotCloudConfig(1)));
        assert_eq!(parse("write_files: []").err(), Some(BootstrapError::NoKubeadm));
        let without = JOIN.replace("token: abcdef.0123456789abcdef", "other: x");
        assert_eq!(parse(&without).err(), Some(BootstrapError::Missing("token")));
    }
}
