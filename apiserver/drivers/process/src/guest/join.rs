//! How a worker gets the certificate of its node: by the bootstrap token the first time, by the last one afterwards.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use guest_system::cloud_init::Join;
use guestcluster_credentials::{
    kubeconfig::Kubeconfig,
    x509::{self, CertifiedKey},
};
use jiff::Timestamp;
use kube::Client;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use super::{GuestSystem, LOOK};
use crate::{
    client::{Identity, client, send},
    trouble::Trouble,
};

/// How long the guest may take to sign a node's certificate.
const SIGNING: Duration = Duration::from_secs(30);
const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
/// Where the node's certificate and its key are kept once it has one.
const CERTIFICATE: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";
const KEY_BEGINS: &str = "-----BEGIN PRIVATE KEY-----";
const AUTHORITY: &str = "/etc/kubernetes/pki/ca.crt";

impl GuestSystem {
    /// The guest's authority, and the certificate of the node.
    pub(super) async fn certificate(&self, join: &Join, server: &str) -> Result<(String, CertifiedKey), Trouble> {
        match self.joined_before()? {
            Some(known) => self.renewed(server, known).await,
            None => self.request_certificate(join, server).await,
        }
    }

    fn joined_before(&self) -> Result<Option<(String, CertifiedKey)>, Trouble> {
        let read = |file: &str| {
            let text = self.disk.read(file);
            text.map_err(|error| Trouble::failed(format!("{file}: {error}")))
        };
        let (Some(authority), Some(pair)) = (read(AUTHORITY)?, read(CERTIFICATE)?) else {
            return Ok(None);
        };
        Ok(Some((authority, parted(&pair))))
    }

    /// As kubeadm join and a kubelet do: finds the authority by its hash, then has a key signed.
    async fn request_certificate(&self, join: &Join, server: &str) -> Result<(String, CertifiedKey), Trouble> {
        let authority = discover(join, server).await?;
        let with_token = client(server, &authority, Identity::Token(&join.token))?;
        let pair = signed(&with_token, &self.vm.key.name).await?;
        self.keep(server, &authority, &pair)?;
        Ok((authority, pair))
    }

    /// The certificate that the node has, or another when half of its life is over: the node asks for that itself.
    async fn renewed(&self, server: &str, known: (String, CertifiedKey)) -> Result<(String, CertifiedKey), Trouble> {
        let (authority, pair) = known;
        let validity = x509::validity(&pair.certificate).map_err(Trouble::failed)?;
        let (age, left) = (
            Timestamp::now().duration_since(validity.start),
            validity.end.duration_since(Timestamp::now()),
        );
        if age < left {
            return Ok((authority, pair));
        }
        let as_node = client(server, &authority, Identity::Certificate(&pair))?;
        let pair = signed(&as_node, &self.vm.key.name).await?;
        self.keep(server, &authority, &pair)?;
        Ok((authority, pair))
    }

    fn keep(&self, server: &str, authority: &str, pair: &CertifiedKey) -> Result<(), Trouble> {
        let write = |file: &str, content: &str| {
            let written = self.disk.write(file, content);
            written.map_err(|error| Trouble::failed(format!("{file}: {error}")))
        };
        let user = format!("system:node:{}", self.vm.key.name);
        let kubeconfig = Kubeconfig {
            cluster: "guest",
            user: &user,
            context: &user,
            server,
            certificate_authority: authority,
            credential: pair,
            namespace: None,
        };
        write("/etc/kubernetes/kubelet.conf", &kubeconfig.render())?;
        write(AUTHORITY, authority)?;
        // One file for both, as a key without its certificate is of no use.
        write(CERTIFICATE, &format!("{}{}", pair.certificate, pair.key))
    }
}

/// The guest's authority: from kube-public, which anyone may read, believed by the hash of the bootstrap data.
async fn discover(join: &Join, server: &str) -> Result<String, Trouble> {
    let anyone = client(server, "", Identity::Unknown)?;
    let path = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
    let info = send(&anyone, "GET", path, &Value::Null).await;
    let info = info.map_err(|error| Trouble::refused("reading cluster-info", &error))?;
    let unreadable = || Trouble::failed("ConfigMap kube-public/cluster-info of the guest can't be read");
    let kubeconfig = info["data"]["kubeconfig"].as_str().ok_or_else(unreadable)?;
    let kubeconfig: Value = serde_saphyr::from_str(kubeconfig).map_err(|_| unreadable())?;
    let encoded = kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]
        .as_str()
        .ok_or_else(unreadable)?;
    let authority = STANDARD.decode(encoded).map_err(|_| unreadable())?;
    let authority = String::from_utf8(authority).map_err(|_| unreadable())?;
    let hash = public_key_hash(&authority).ok_or_else(unreadable)?;
    if !join.authority_hashes.contains(&hash) {
        return Err(Trouble::failed(format!(
            "the guest at {server} has another authority than the bootstrap data names: {hash}"
        )));
    }
    Ok(authority)
}

/// `sha256:` and the hash of the public key info, as kubeadm names an authority.
fn public_key_hash(certificate: &str) -> Option<String> {
    let der = CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?;
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).ok()?;
    let hash = Sha256::digest(parsed.public_key().raw);
    Some(
        hash.iter()
            .fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}")),
    )
}

/// Makes a key, and has the guest's controllers sign a node's certificate for it.
async fn signed(client: &Client, node: &str) -> Result<CertifiedKey, Trouble> {
    let (request, key) = signing_request(node).map_err(Trouble::failed)?;
    let body = json!({
        "metadata": {"generateName": "node-csr-"},
        "spec": {
            "request": STANDARD.encode(request),
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["digital signature", "client auth"],
        },
    });
    let refused = |error: kube::Error| Trouble::refused("requesting a certificate by the bootstrap token", &error);
    let created = send(client, "POST", REQUESTS, &body).await.map_err(refused)?;
    let path = format!(
        "{REQUESTS}/{}",
        created["metadata"]["name"].as_str().unwrap_or_default()
    );
    let deadline = Instant::now() + SIGNING;
    while Instant::now() < deadline {
        let request = send(client, "GET", &path, &Value::Null).await.map_err(refused)?;
        if let Some(encoded) = request["status"]["certificate"].as_str() {
            let certificate = STANDARD
                .decode(encoded)
                .ok()
                .and_then(|text| String::from_utf8(text).ok());
            let certificate = certificate.ok_or_else(|| Trouble::failed("the node's certificate is not PEM"))?;
            return Ok(CertifiedKey { certificate, key });
        }
        sleep(LOOK).await;
    }
    Err(Trouble::waiting(
        "the guest's controllers have not signed the node's certificate yet",
    ))
}

fn signing_request(node: &str) -> Result<(String, String), rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
    params
        .distinguished_name
        .push(DnType::CommonName, format!("system:node:{node}"));
    let key = KeyPair::generate()?;
    let request = params.serialize_request(&key)?.pem()?;
    Ok((request, key.serialize_pem()))
}

/// A certificate and its key, which stand in one file in this order.
fn parted(pair: &str) -> CertifiedKey {
    let (certificate, key) = pair.split_at(pair.find(KEY_BEGINS).unwrap_or(pair.len()));
    CertifiedKey {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use guestcluster_credentials::x509::CertificateAuthority;
    use x509_parser::prelude::{FromDer as _, X509CertificationRequest};

    use super::*;

    #[test]
    fn a_certificate_is_found_again_with_its_key() {
        let (authority, _) = CertificateAuthority::generate("kubernetes").unwrap();
        let pair = authority.issue_client("node", None, Duration::from_hours(1)).unwrap();
        let found = parted(&format!("{}{}", pair.certificate, pair.key));
        assert_eq!((found.certificate, found.key), (pair.certificate, pair.key));
        assert_eq!(parted("something else").key, "");
    }

    #[test]
    fn a_node_asks_for_the_name_that_the_node_authorizer_knows() {
        let (request, key) = signing_request("dev-1").unwrap();
        let der = pem_bytes(&request);
        let (_, parsed) = X509CertificationRequest::from_der(&der).unwrap();
        let subject = &parsed.certification_request_info.subject;
        assert_eq!(subject.to_string(), "O=system:nodes, CN=system:node:dev-1");
        assert!(key.starts_with(KEY_BEGINS));
    }

    #[test]
    fn an_authority_is_named_as_kubeadm_does() {
        let (_, pair) = CertificateAuthority::generate("kubernetes").unwrap();
        let hash = public_key_hash(&pair.certificate).unwrap();
        let key = KeyPair::from_pem(&pair.key).unwrap();
        let expected = Sha256::digest(rcgen::PublicKeyData::subject_public_key_info(&key));
        let expected = expected
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        assert_eq!(hash, format!("sha256:{expected}"));
        assert_eq!(public_key_hash("no certificate"), None);
    }

    fn pem_bytes(pem: &str) -> Vec<u8> {
        let lines = pem.lines().filter(|line| !line.starts_with("-----"));
        STANDARD.decode(lines.collect::<String>()).unwrap()
    }
}
