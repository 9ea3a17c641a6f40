//! The bootstrap data: a cloud-config that writes files and runs kubeadm.

use super::kubeadm::yaml;
use crate::machine::error::Error;
use guestcluster_types::upstream::kubeadm::{File, KubeadmConfigSpec, User};
use serde::Serialize;
use serde_json::Value;

/// First line of a cloud-config in which cloud-init fills in facts about the machine.
const HEADER: &str = "## template: jinja\n#cloud-config\n\n";
/// What tells others that kubeadm is through.
const SENTINEL: &str = "/run/cluster-api/bootstrap-success.complete";

/// What kubeadm does on a machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Command {
    /// Begins a cluster.
    Init,
    /// Joins one.
    Join,
}

impl Command {
    /// Where its configuration is written.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Init => "/run/kubeadm/kubeadm.yaml",
            Self::Join => "/run/kubeadm/kubeadm-join-config.yaml",
        }
    }

    fn line(self, verbosity: Option<i32>) -> String {
        let verb = match self {
            Self::Init => "init",
            Self::Join => "join",
        };
        let verbosity = verbosity.map(|level| format!(" --v {level}")).unwrap_or_default();
        format!(
            "kubeadm {verb} --config {}{verbosity} && echo success > {SENTINEL}",
            self.path()
        )
    }
}

#[derive(Serialize)]
struct CloudConfig<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    bootcmd: &'a [String],
    write_files: Vec<WriteFile>,
    runcmd: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ntp: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mounts: Option<&'a Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<CloudUser<'a>>,
}

#[derive(Serialize)]
struct WriteFile {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    append: Option<bool>,
    content: String,
}

/// The cloud-config: certificates first, then the spec's files (their content resolved), then kubeadm's configuration.
pub(super) fn render(
    spec: &KubeadmConfigSpec,
    command: Command,
    configuration: String,
    certificates: Vec<File>,
) -> Result<String, Error> {
    refuse_unsupported(spec)?;
    let own = [
        file(command.path(), "0640", configuration),
        file(
            "/run/cluster-api/placeholder",
            "0640",
            "The directory of the sentinel file.\n".to_owned(),
        ),
    ];
    let files = certificates.into_iter().chain(spec.files.iter().cloned()).chain(own);
    let kubeadm = command.line(spec.verbosity);
    let runcmd = spec
        .pre_kubeadm_commands
        .iter()
        .cloned()
        .chain([kubeadm])
        .chain(spec.post_kubeadm_commands.iter().cloned());
    let config = CloudConfig {
        bootcmd: &spec.boot_commands,
        write_files: files.map(write_file).collect(),
        runcmd: runcmd.collect(),
        ntp: spec.unknown.get("ntp"),
        mounts: spec.unknown.get("mounts"),
        users: spec.users.iter().map(user).collect(),
    };
    Ok(format!("{HEADER}{}", yaml("a cloud-config", &config)?))
}

/// A file of root's.
pub(super) fn file(path: &str, permissions: &str, content: String) -> File {
    File {
        path: path.to_owned(),
        owner: Some("root:root".to_owned()),
        permissions: Some(permissions.to_owned()),
        content: Some(content),
        ..File::default()
    }
}

fn write_file(file: File) -> WriteFile {
    WriteFile {
        path: file.path,
        owner: file.owner,
        permissions: file.permissions,
        encoding: file.encoding,
        append: file.append,
        content: file.content.unwrap_or_default(),
    }
}

/// Better an error than a machine that lacks what was asked for.
fn refuse_unsupported(spec: &KubeadmConfigSpec) -> Result<(), Error> {
    if let Some(format) = spec.format.as_deref().filter(|format| *format != "cloud-config") {
        return Err(Error::Invalid(format!(
            "spec.format: {format:?} is not supported: leave it out, or set cloud-config"
        )));
    }
    if let Some(field) = ["diskSetup", "ignition"]
        .into_iter()
        .find(|field| spec.unknown.contains_key(*field))
    {
        return Err(Error::Invalid(format!(
            "spec.{field} is not supported: leave it out, or do it in spec.bootCommands or spec.preKubeadmCommands"
        )));
    }
    let is_template = |file: &File| file.content_format.as_deref().is_some_and(|format| format != "Raw");
    if let Some(index) = spec.files.iter().position(is_template) {
        return Err(Error::Invalid(format!(
            "spec.files[{index}].contentFormat: only Raw is supported: leave it out, and write the content as the file is to be"
        )));
    }
    Ok(())
}

/// A user in cloud-init's words.
#[derive(Serialize)]
struct CloudUser<'u> {
    name: &'u str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gecos: Option<&'u str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<&'u str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    homedir: Option<&'u str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inactive: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shell: Option<&'u str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passwd: Option<&'u str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary_group: Option<&'u str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock_passwd: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sudo: Option<&'u str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ssh_authorized_keys: &'u [String],
}

fn user(user: &User) -> CloudUser<'_> {
    CloudUser {
        name: &user.name,
        gecos: user.gecos.as_deref(),
        groups: user.groups.as_deref(),
        homedir: user.home_dir.as_deref(),
        // cloud-init takes the days after which an expired password locks the user, as text.
        inactive: (user.inactive == Some(true)).then_some("0"),
        shell: user.shell.as_deref(),
        passwd: user.passwd.as_deref(),
        primary_group: user.primary_group.as_deref(),
        lock_passwd: user.lock_password,
        sudo: user.sudo.as_deref(),
        ssh_authorized_keys: &user.ssh_authorized_keys,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(text: &str) -> Value {
        assert!(text.starts_with("## template: jinja\n#cloud-config\n"), "{text}");
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn files_come_before_kubeadm_runs_and_keep_every_byte() {
        let content = "line: \"a\"\n\n  - '#' # {{ ds.meta_data.hostname }}\n\ttab and trailing space \nno end";
        let spec: KubeadmConfigSpec = serde_json::from_value(json!({
            "files": [{"path": "/etc/x", "content": content, "permissions": "0600", "encoding": "base64"}],
            "preKubeadmCommands": ["echo before"], "postKubeadmCommands": ["echo after: yes"], "bootCommands": ["true"], "verbosity": 4,
            "ntp": {"enabled": true, "servers": ["a"]}, "users": [{"name": "u", "sshAuthorizedKeys": ["k"], "lockPassword": true}],
        }))
        .unwrap();
        let certificate = file(
            "/etc/kubernetes/pki/ca.crt",
            "0640",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
        );
        let text = render(
            &spec,
            Command::Init,
            "---\nkind: ClusterConfiguration\n".to_owned(),
            vec![certificate],
        )
        .unwrap();
        let config = parse(&text);
        let paths: Vec<_> = config["write_files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| file["path"].as_str().unwrap())
            .collect();
        assert_eq!(
            paths,
            [
                "/etc/kubernetes/pki/ca.crt",
                "/etc/x",
                "/run/kubeadm/kubeadm.yaml",
                "/run/cluster-api/placeholder"
            ]
        );
        assert_eq!(
            config["write_files"][0]["content"],
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        );
        assert_eq!(
            config["write_files"][1],
            json!({"path": "/etc/x", "content": content, "permissions": "0600", "encoding": "base64"})
        );
        assert_eq!(config["write_files"][2]["content"], "---\nkind: ClusterConfiguration\n");
        assert_eq!(
            config["runcmd"],
            json!([
                "echo before",
                "kubeadm init --config /run/kubeadm/kubeadm.yaml --v 4 && echo success > /run/cluster-api/bootstrap-success.complete",
                "echo after: yes",
            ])
        );
        assert_eq!(config["bootcmd"], json!(["true"]));
        assert_eq!(config["ntp"], json!({"enabled": true, "servers": ["a"]}));
        assert_eq!(
            config["users"],
            json!([{"name": "u", "ssh_authorized_keys": ["k"], "lock_passwd": true}])
        );
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let render = |spec: Value| {
            render(
                &serde_json::from_value(spec).unwrap(),
                Command::Join,
                String::new(),
                vec![],
            )
        };
        assert!(render(json!({})).is_ok());
        assert!(render(json!({"format": "ignition"})).is_err());
        assert!(render(json!({"diskSetup": {"partitions": []}})).is_err());
        let raw = json!({"path": "/a", "content": "a", "contentFormat": "Raw"});
        assert!(render(json!({"files": [raw]})).is_ok());
        let template = json!({"path": "/b", "content": "{{ .controlPlane.version }}", "contentFormat": "Template"});
        let error = render(json!({"files": [raw, template]})).unwrap_err();
        assert!(error.to_string().contains("spec.files[1].contentFormat"), "{error}");
    }
}
