//! What of a KubeadmConfig's spec cannot be done, beyond what its schema refuses: most of it would only show on the machine,
//! which then never joins. Pure.

use crate::machine::validate::{host, label};
use guestcluster_types::upstream::kubeadm::{
    ClusterConfiguration, File, JoinConfiguration, KubeadmConfigSpec, LocalApiEndpoint, NodeRegistration, User,
};
use guestcluster_types::validation::is_dns_subdomain;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Why the spec can't be followed, by the field and what is accepted.
pub(super) fn config(spec: &KubeadmConfigSpec) -> Result<(), String> {
    files(&spec.files)?;
    users(&spec.users)?;
    if let Some(cluster) = &spec.cluster_configuration {
        of_cluster(cluster)?;
    }
    if let Some(init) = &spec.init_configuration {
        node("spec.initConfiguration.nodeRegistration", &init.node_registration)?;
        address("spec.initConfiguration", &init.local_api_endpoint)?;
        let tokens = init.unknown.get("bootstrapTokens").and_then(Value::as_array);
        for (index, made) in tokens.into_iter().flatten().enumerate() {
            let field = format!("spec.initConfiguration.bootstrapTokens[{index}].token");
            token(&field, made["token"].as_str())?;
        }
    }
    spec.join_configuration.as_ref().map_or(Ok(()), join)
}

fn files(files: &[File]) -> Result<(), String> {
    let mut paths = BTreeSet::new();
    for (index, file) in files.iter().enumerate() {
        let (at, path) = (format!("spec.files[{index}]"), file.path.as_str());
        if file.content.is_some() && file.content_from.is_some() {
            return Err(format!("{at} has content and contentFrom: accepted is one of them"));
        }
        if !path.starts_with('/') {
            return Err(format!("{at}.path is \"{path}\": accepted is one that begins with /"));
        }
        if !paths.insert(path) {
            return Err(format!(
                "{at}.path is \"{path}\", as another's is: accepted is one file of a path"
            ));
        }
        let is_mode =
            |text: &str| (3..=4).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        if let Some(mode) = file.permissions.as_deref().filter(|mode| !is_mode(mode)) {
            return Err(format!(
                "{at}.permissions is \"{mode}\": accepted are octal digits, such as 0640"
            ));
        }
    }
    Ok(())
}

fn users(users: &[User]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for (index, user) in users.iter().enumerate() {
        let (at, name) = (format!("spec.users[{index}]"), user.name.as_str());
        if user.passwd.is_some() && user.passwd_from.is_some() {
            return Err(format!("{at} has passwd and passwdFrom: accepted is one of them"));
        }
        if !names.insert(name) {
            return Err(format!(
                "{at}.name is \"{name}\", as another's is: accepted is one user of a name"
            ));
        }
    }
    Ok(())
}

fn of_cluster(configuration: &ClusterConfiguration) -> Result<(), String> {
    const AT: &str = "spec.clusterConfiguration";
    if let Some(text) = &configuration.control_plane_endpoint {
        endpoint(&format!("{AT}.controlPlaneEndpoint"), text, false)?;
    }
    let names = configuration.api_server.iter().flat_map(|server| &server.cert_sans);
    for (index, name) in names.enumerate() {
        let plain = name.strip_prefix("*.").unwrap_or(name);
        let is_name = plain.parse::<IpAddr>().is_ok() || is_dns_subdomain(&plain.to_lowercase());
        if !is_name && !is_filled_in(name) {
            return Err(format!(
                "{AT}.apiServer.certSANs[{index}] is \"{name}\": accepted is an IP address or a DNS name"
            ));
        }
    }
    let external = configuration.etcd.as_ref().and_then(|etcd| etcd.external.as_ref());
    let urls = external.into_iter().flat_map(|etcd| &etcd.endpoints);
    for (index, url) in urls.enumerate() {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let field = format!("{AT}.etcd.external.endpoints[{index}]");
        match rest {
            Some(rest) => endpoint(&field, rest.trim_end_matches('/'), false)?,
            None => {
                return Err(format!(
                    "{field} is \"{url}\": accepted is a URL such as https://10.0.0.5:2379"
                ));
            }
        }
    }
    Ok(())
}

fn join(join: &JoinConfiguration) -> Result<(), String> {
    const DISCOVERY: &str = "spec.joinConfiguration.discovery.bootstrapToken";
    node("spec.joinConfiguration.nodeRegistration", &join.node_registration)?;
    if let Some(control_plane) = &join.control_plane {
        address("spec.joinConfiguration.controlPlane", &control_plane.local_api_endpoint)?;
    }
    let discovery = &join.discovery.bootstrap_token;
    if discovery.token.is_some() {
        token(&format!("{DISCOVERY}.token"), discovery.token.as_deref())?;
    }
    if let Some(text) = &discovery.api_server_endpoint {
        endpoint(&format!("{DISCOVERY}.apiServerEndpoint"), text, true)?;
    }
    let is_hash = |text: &str| {
        let hex = text.strip_prefix("sha256:").unwrap_or_default();
        hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if let Some((index, hash)) = (discovery.ca_cert_hashes.iter().enumerate()).find(|(_, hash)| !is_hash(hash)) {
        return Err(format!(
            "{DISCOVERY}.caCertHashes[{index}] is \"{hash}\": accepted is sha256: and 64 hexadecimal digits"
        ));
    }
    Ok(())
}

fn node(field: &str, registration: &NodeRegistration) -> Result<(), String> {
    let args = registration.kubelet_extra_args.iter().enumerate();
    for (index, _) in args.filter(|(_, arg)| arg.name == "node-labels") {
        for (key, value) in registration.node_labels() {
            if !is_filled_in(&key) && !is_filled_in(&value) {
                label(&format!("{field}.kubeletExtraArgs[{index}].value"), &key, &value)?;
            }
        }
    }
    for (index, taint) in registration.taints.iter().flatten().enumerate() {
        label(
            &format!("{field}.taints[{index}]"),
            &taint.key,
            taint.value.as_deref().unwrap_or_default(),
        )?;
    }
    Ok(())
}

fn address(field: &str, endpoint: &LocalApiEndpoint) -> Result<(), String> {
    let address = endpoint.advertise_address.as_deref().unwrap_or_default();
    if address.is_empty() || address.parse::<IpAddr>().is_ok() || is_filled_in(address) {
        return Ok(());
    }
    Err(format!(
        "{field}.localAPIEndpoint.advertiseAddress is \"{address}\": accepted is an IP address"
    ))
}

/// The value is a secret, and is not repeated.
fn token(field: &str, token: Option<&str>) -> Result<(), String> {
    let is_part = |text: &str, length: usize| {
        text.len() == length
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let (id, secret) = token.and_then(|token| token.split_once('.')).unwrap_or_default();
    if is_part(id, 6) && is_part(secret, 16) {
        return Ok(());
    }
    Err(format!(
        "{field} is no bootstrap token: accepted are 6 and 16 lower case letters or digits, as in abcdef.0123456789abcdef"
    ))
}

/// A host, and a port that may have to be there.
fn endpoint(field: &str, text: &str, needs_port: bool) -> Result<(), String> {
    if is_filled_in(text) {
        return Ok(());
    }
    let (name, port) = match text.rsplit_once(':') {
        // Colons of an IPv6 address without brackets.
        _ if text.parse::<IpAddr>().is_ok() => (text, None),
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    let is_port = match port {
        Some(port) => port.parse::<u16>().is_ok_and(|port| port > 0),
        None => !needs_port,
    };
    let name = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    if is_port && !name.is_empty() && host(field, name).is_ok() {
        return Ok(());
    }
    Err(format!(
        "{field} is \"{text}\": accepted is a host and a port, such as 10.0.0.1:6443"
    ))
}

/// Whether cloud-init or a shell fills something in on the machine.
fn is_filled_in(text: &str) -> bool {
    text.contains("{{") || text.contains('$')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn refused(spec: Value) -> String {
        super::config(&serde_json::from_value(spec).unwrap())
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_done_is_named_with_what_can() {
        let discovery = |discovery: Value| json!({"joinConfiguration": {"discovery": {"bootstrapToken": discovery}}});
        let cluster = |configuration: Value| json!({"clusterConfiguration": configuration});
        let source = json!({"secret": {"name": "a", "key": "b"}});
        let arg = |value: &str| json!({"joinConfiguration": {"nodeRegistration": {"kubeletExtraArgs": [{"name": "node-labels", "value": value}]}}});
        for (spec, told) in [
            (
                json!({"files": [{"path": "/a", "content": "b", "contentFrom": source}]}),
                "spec.files[0] has content and contentFrom",
            ),
            (
                json!({"files": [{"path": "a"}]}),
                "spec.files[0].path is \"a\": accepted is one that begins with /",
            ),
            (
                json!({"files": [{"path": "/a"}, {"path": "/a"}]}),
                "spec.files[1].path is \"/a\", as another's is",
            ),
            (
                json!({"files": [{"path": "/a", "permissions": "rw-r-----"}]}),
                "spec.files[0].permissions is \"rw-r-----\": accepted are octal digits",
            ),
            (
                json!({"users": [{"name": "a", "passwd": "b", "passwdFrom": source}]}),
                "spec.users[0] has passwd and passwdFrom",
            ),
            (
                json!({"users": [{"name": "a"}, {"name": "a"}]}),
                "spec.users[1].name is \"a\", as another's is",
            ),
            (
                discovery(json!({"token": "secret"})),
                "discovery.bootstrapToken.token is no bootstrap token: accepted are",
            ),
            (
                discovery(json!({"apiServerEndpoint": "10.0.0.1"})),
                "bootstrapToken.apiServerEndpoint is \"10.0.0.1\": accepted is a host and a port",
            ),
            (
                discovery(json!({"caCertHashes": ["md5:00"]})),
                "caCertHashes[0] is \"md5:00\": accepted is sha256:",
            ),
            (
                json!({"initConfiguration": {"bootstrapTokens": [{"token": "secret"}]}}),
                "spec.initConfiguration.bootstrapTokens[0].token is no bootstrap token",
            ),
            (
                json!({"initConfiguration": {"localAPIEndpoint": {"advertiseAddress": "here"}}}),
                "spec.initConfiguration.localAPIEndpoint.advertiseAddress is \"here\": accepted is an IP address",
            ),
            (
                json!({"joinConfiguration": {"controlPlane": {"localAPIEndpoint": {"advertiseAddress": "here"}}}}),
                "spec.joinConfiguration.controlPlane.localAPIEndpoint.advertiseAddress is \"here\"",
            ),
            (
                cluster(json!({"controlPlaneEndpoint": "a b:1"})),
                "controlPlaneEndpoint is \"a b:1\": accepted is a host",
            ),
            (
                cluster(json!({"controlPlaneEndpoint": "a:70000"})),
                "controlPlaneEndpoint is \"a:70000\"",
            ),
            (
                cluster(json!({"apiServer": {"certSANs": ["localhost", "a b"]}})),
                "spec.clusterConfiguration.apiServer.certSANs[1] is \"a b\": accepted is",
            ),
            (
                cluster(json!({"etcd": {"external": {"endpoints": ["10.0.0.5:2379"]}}})),
                "etcd.external.endpoints[0] is \"10.0.0.5:2379\": accepted is a URL",
            ),
            (
                arg("a=b,c d=e"),
                "nodeRegistration.kubeletExtraArgs[0].value has the key \"c d\": accepted is",
            ),
            (
                json!({"joinConfiguration": {"nodeRegistration": {"taints": [{"key": "a", "value": "b c", "effect": "NoSchedule"}]}}}),
                "spec.joinConfiguration.nodeRegistration.taints[0][a] is \"b c\": accepted is",
            ),
        ] {
            let message = refused(spec.clone());
            assert!(message.contains(told), "{spec}: {message}");
            assert!(!message.contains("secret"), "a token is repeated: {message}");
        }
    }

    #[test]
    fn what_can_be_done_or_is_filled_in_on_the_machine_is_taken() {
        for spec in [
            json!({}),
            json!({
                "files": [{"path": "/a", "permissions": "0640", "content": "b"}, {"path": "/b", "permissions": "755"}],
                "users": [{"name": "a"}, {"name": "b"}],
                "clusterConfiguration": {
                    "controlPlaneEndpoint": "[fd00::1]:6443", "apiServer": {"certSANs": ["10.0.0.1", "*.example.com", "{{ ds.a }}"]},
                    "etcd": {"external": {"endpoints": ["https://127.0.0.1:2379", "https://etcd.example.com/"]}},
                },
                "initConfiguration": {
                    "localAPIEndpoint": {"advertiseAddress": "{{ ds.meta_data.local_ipv4 }}", "bindPort": 6443},
                    "bootstrapTokens": [{"token": "abcdef.0123456789abcdef"}],
                },
                "joinConfiguration": {
                    "nodeRegistration": {
                        "kubeletExtraArgs": [{"name": "node-labels", "value": "a=b,host={{ ds.meta_data.hostname }}"}],
                        "taints": [{"key": "a.example.com/b", "effect": "NoSchedule"}],
                    },
                    "discovery": {"bootstrapToken": {"token": "abcdef.0123456789abcdef", "apiServerEndpoint": "api.example.com:6443"}},
                },
            }),
            json!({"clusterConfiguration": {"controlPlaneEndpoint": "fd00::1"}}),
        ] {
            assert_eq!(refused(spec), "");
        }
    }
}
