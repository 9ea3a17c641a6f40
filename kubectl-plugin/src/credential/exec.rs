//! The contract with kubectl and client-go: `KUBERNETES_EXEC_INFO` in, an ExecCredential out (client.authentication.k8s.io).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::Proof;
use crate::{
    error::{Error, Result},
    https,
    supervisor::server_url,
};

const VARIABLE: &str = "KUBERNETES_EXEC_INFO";
const VERSIONS: [&str; 2] = [
    "client.authentication.k8s.io/v1",
    "client.authentication.k8s.io/v1beta1",
];

/// Who asks, and for which server.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExecInfo {
    api_version: String,
    spec: Spec,
}

#[derive(Debug, Deserialize)]
struct Spec {
    cluster: Option<ClusterInfo>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct ClusterInfo {
    server: String,
    certificate_authority_data: Option<String>,
    insecure_skip_tls_verify: bool,
    tls_server_name: String,
}

impl ExecInfo {
    /// What the caller says.
    pub(crate) fn from_environment() -> Result<Self> {
        let text = std::env::var(VARIABLE).map_err(|_| {
            Error::failed(format!("this command is called by kubectl, which sets {VARIABLE}"))
                .next("Use kubectl with a context that kubectl guest login has made.")
        })?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let info: Self = serde_json::from_str(text)
            .map_err(|error| Error::failed(format!("{VARIABLE} is not what kubectl sets: {error}")))?;
        if !VERSIONS.contains(&info.api_version.as_str()) {
            return Err(Error::failed(format!(
                "{VARIABLE}: apiVersion {:?} is not supported; {} are",
                info.api_version,
                VERSIONS.join(" and ")
            )));
        }
        Ok(info)
    }

    /// Refuses to give a credential to a client that would send it anywhere but to this server, or without knowing whom to.
    pub(crate) fn require(&self, server: &str, authority: Option<&str>, login: &str) -> Result<()> {
        let refused = |why: String| Err(Error::failed(why).next(format!("Write the context anew: {login}")));
        let Some(cluster) = &self.spec.cluster else {
            return refused("the kubeconfig's user lacks provideClusterInfo: true".to_owned());
        };
        if cluster.insecure_skip_tls_verify {
            return refused(
                "the kubeconfig's cluster has insecure-skip-tls-verify: its server could be anybody".to_owned(),
            );
        }
        if !cluster.tls_server_name.is_empty() {
            return refused(format!(
                "the kubeconfig's cluster takes the certificate of {:?} for its server's (tls-server-name)",
                cluster.tls_server_name
            ));
        }
        if server_url(&cluster.server) != server_url(server) {
            return refused(format!(
                "the kubeconfig's cluster is {:?}, and the credential is for {server}",
                cluster.server
            ));
        }
        let trusted = cluster
            .certificate_authority_data
            .as_deref()
            .filter(|data| !data.is_empty());
        let same = match (trusted, authority) {
            (None, None) => true,
            (Some(trusted), Some(authority)) => same_certificates(trusted, authority),
            _ => false,
        };
        if !same {
            return refused(format!(
                "the kubeconfig's cluster trusts another certificate authority for {server}"
            ));
        }
        Ok(())
    }
}

/// Prints the credential, as the only thing on stdout.
pub(crate) fn print(info: &ExecInfo, proof: &Proof, until: Timestamp) {
    let seconds = Timestamp::from_second(until.as_second()).unwrap_or(until);
    let mut status = match proof {
        Proof::Token { token } => json!({"token": token}),
        Proof::Certificate {
            certificate,
            private_key,
        } => json!({"clientCertificateData": certificate, "clientKeyData": private_key}),
    };
    status["expirationTimestamp"] = json!(seconds.to_string());
    let credential = json!({"apiVersion": info.api_version, "kind": "ExecCredential", "status": status});
    println!("{credential}");
}

fn same_certificates(base64_pem: &str, pem: &str) -> bool {
    let decoded = STANDARD
        .decode(base64_pem)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let trusted = decoded.and_then(|pem| https::certificates(&pem).ok());
    trusted.is_some_and(|trusted| https::certificates(pem).is_ok_and(|expected| expected == trusted))
}

#[cfg(test)]
mod tests {
    use near_inputs::near_text;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

    fn info(cluster: &Value) -> Result<ExecInfo> {
        let info = json!({"apiVersion": VERSIONS[0], "kind": "ExecCredential", "spec": {"cluster": cluster}});
        ExecInfo::parse(&info.to_string())
    }

    #[test]
    fn a_credential_goes_to_its_server_alone() {
        let good = json!({"server": "https://a:1", "certificate-authority-data": STANDARD.encode(PEM)});
        let require = |cluster: &Value| info(cluster).unwrap().require("https://a:1", Some(PEM), "login");
        assert!(require(&good).is_ok());
        let other = PEM.replace("AAAA", "BBBB");
        for (field, value, expected) in [
            ("server", json!("https://evil"), "the credential is for https://a:1"),
            (
                "certificate-authority-data",
                json!(STANDARD.encode(other)),
                "another certificate authority",
            ),
            (
                "certificate-authority-data",
                json!("%"),
                "another certificate authority",
            ),
            (
                "certificate-authority-data",
                json!(null),
                "another certificate authority",
            ),
            ("insecure-skip-tls-verify", json!(true), "insecure-skip-tls-verify"),
            ("tls-server-name", json!("node-1"), "tls-server-name"),
        ] {
            let mut wrong = good.clone();
            wrong[field] = value;
            let error = require(&wrong).unwrap_err().to_string();
            assert!(error.contains(expected) && error.ends_with("login"), "{field}: {error}");
        }
        let error = require(&Value::Null).unwrap_err().to_string();
        assert!(error.contains("provideClusterInfo"), "{error}");
    }

    #[test]
    fn what_kubectl_does_not_say_is_refused() {
        for (text, expected) in [
            ("", "is not what kubectl sets"),
            ("{}", "is not what kubectl sets"),
            ("[]", "is not what kubectl sets"),
            (
                r#"{"apiVersion": "client.authentication.k8s.io/v1alpha1", "spec": {}}"#,
                "v1alpha1\" is not supported",
            ),
        ] {
            let error = ExecInfo::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn fuzz_what_kubectl_says_near_right_words(
            text in near_text(
                &[r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false,"cluster":{"server":"https://a:6443","insecure-skip-tls-verify":false,"tls-server-name":""}}}"#],
                &["\"cluster\":", "true", "null", "{", "}", ",", "https://b"],
            ),
        ) {
            if let Ok(info) = ExecInfo::parse(&text)
                && info.require("https://a:6443", None, "login").is_ok()
            {
                let said: serde_json::Value = serde_json::from_str(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
                let cluster = &said["spec"]["cluster"];
                prop_assert!(cluster["insecure-skip-tls-verify"] != true, "{text}");
                prop_assert!(cluster["tls-server-name"].as_str().unwrap_or_default().is_empty(), "{text}");
                prop_assert!(server_url(cluster["server"].as_str().unwrap_or_default()) == server_url("https://a:6443"), "{text}");
            }
        }

        #[test]
        fn fuzz_servers_near_right_ones(text in near_text(&["https://127.0.0.1:6443", "example.com/k8s/c-1/", "https://[::1]:6443"], &["/", ":", "@", "?", "#", "[", "]", "%00", "http://"])) {
            if let Ok(url) = server_url(&text) {
                prop_assert_eq!(server_url(&url), Ok(url.clone()), "{}", text);
                prop_assert!(url.starts_with("https://"), "{}", url);
            }
        }
    }
}
