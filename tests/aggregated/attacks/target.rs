//! The server that is attacked.

use std::sync::OnceLock;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use guestcluster_credentials::x509::{CertificateAuthority, CertifiedKey};
use guestcluster_tests::{Endpoint, Kubectl, Team, eventually};
use serde_json::json;

use crate::{
    MODE,
    direct::{self, Direct},
};

/// What needs a right.
pub(super) const LIST: &str = "/apis/guestclusters.dev/v1alpha1/guestclusters";
/// Whom the host lets speak for others.
pub(super) const FRONT_PROXY: &str = "front-proxy-client";
/// Where the host says whom to trust.
const AUTHENTICATION: &str = "configmap extension-apiserver-authentication -n kube-system";

/// The shared server, and an authority of front proxies that its host has beside its own one.
pub(super) struct Target {
    pub(super) team: Team,
    pub(super) front_proxies: CertificateAuthority,
    /// The same, for certificates that no honest authority issues.
    pub(super) front_proxies_pair: CertifiedKey,
}

impl Target {
    /// The one of this process, which the first test makes.
    pub(super) fn shared() -> &'static Self {
        static TARGET: OnceLock<Target> = OnceLock::new();
        TARGET.get_or_init(Self::make)
    }

    fn make() -> Self {
        let (front_proxies, front_proxies_pair) = CertificateAuthority::generate("more front proxies").unwrap();
        let target = Self {
            team: Team::new(MODE),
            front_proxies,
            front_proxies_pair,
        };
        let known = target.trusted_front_proxies();
        target.trust_front_proxies(&format!("{known}{}", target.front_proxies.certificate()));
        let proxy = target.with(&target.front_proxy(FRONT_PROXY));
        eventually(20, "the second authority counts", || {
            let answer = proxy.get(LIST, &MASTER);
            answer.map(drop).map_err(|refusal| format!("{refusal:?}"))
        });
        target
    }

    pub(super) fn admin(&self) -> Kubectl {
        self.team.kubectl()
    }

    /// The way to the port, without a credential.
    pub(super) fn nobody(&self) -> Direct {
        direct::way(&self.team, None)
    }

    /// The way to the port with this certificate.
    pub(super) fn with(&self, certificate: &CertifiedKey) -> Direct {
        self.nobody().showing(certificate)
    }

    /// A front proxy's certificate, by the second authority.
    pub(super) fn front_proxy(&self, name: &str) -> CertifiedKey {
        let validity = std::time::Duration::from_mins(10);
        self.front_proxies.issue_client(name, None, validity).unwrap()
    }

    /// The port, for who writes bytes.
    pub(super) fn endpoint(&self) -> Endpoint {
        let bundle = "get apiservice v1alpha1.guestclusters.dev -o jsonpath={.spec.caBundle}";
        let bundle = BASE64_STANDARD.decode(self.admin().run(bundle).success()).unwrap();
        let address = self.team.server().replace("https://", "").parse().unwrap();
        Endpoint::of_authority(address, &bundle).unwrap()
    }

    /// The authorities of front proxies that the host names, PEM.
    pub(super) fn trusted_front_proxies(&self) -> String {
        let known = self.admin().json(&format!("get {AUTHENTICATION} -o json"));
        let known = known["data"]["requestheader-client-ca-file"].as_str();
        known.unwrap().to_owned()
    }

    /// Has the host name these.
    pub(super) fn trust_front_proxies(&self, authorities: &str) {
        let patch = json!({"data": {"requestheader-client-ca-file": authorities}}).to_string();
        let arguments = format!("patch {AUTHENTICATION} --type=merge -p");
        let arguments: Vec<_> = arguments.split(' ').chain([patch.as_str()]).collect();
        self.admin().args(&arguments, None).success();
    }
}

/// Somebody who may do everything, as a front proxy says it.
pub(super) const MASTER: [(&str, &str); 2] = [("X-Remote-User", "root"), ("X-Remote-Group", "system:masters")];

/// Attacks the port by bytes.
pub(super) fn attack<A: Future<Output = ()>>(by: impl FnOnce(Endpoint) -> A) {
    let endpoint = Target::shared().endpoint();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(by(endpoint));
}
