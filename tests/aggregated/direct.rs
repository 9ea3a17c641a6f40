//! Our server's own port, past kube-apiserver.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use guestcluster_credentials::x509::CertifiedKey;
use guestcluster_tests::{Kubectl, Supervisor};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

/// Our port, with somebody's credential or none.
pub(crate) struct Direct {
    kubeconfig: Kubeconfig,
}

/// The way to our port; asks the APIService whom to trust there.
pub(crate) fn way(supervisor: &Supervisor, credential: Option<&Kubectl>) -> Direct {
    let kubeconfig = Kubeconfig::read_from(supervisor.direct_kubeconfig(credential)).unwrap();
    Direct { kubeconfig }
}

impl Direct {
    /// The same with a client certificate.
    pub(crate) fn showing(mut self, identity: &CertifiedKey) -> Direct {
        let user = self.kubeconfig.auth_infos[0].auth_info.get_or_insert_default();
        user.client_certificate_data = Some(BASE64_STANDARD.encode(&identity.certificate));
        user.client_key_data = Some(BASE64_STANDARD.encode(&identity.key).into());
        self
    }

    /// The same that trusts these authorities alone, PEM in base64.
    pub(crate) fn trusting(&self, authorities: &str) -> Direct {
        let mut kubeconfig = self.kubeconfig.clone();
        let cluster = kubeconfig.clusters[0].cluster.get_or_insert_default();
        cluster.certificate_authority_data = Some(authorities.to_owned());
        Direct { kubeconfig }
    }

    /// Whether a new connection is made and answered.
    pub(crate) fn reaches(&self) -> Result<(), String> {
        match self.ask("/livez", &[]) {
            Ok(_) | Err(kube::Error::Api(_)) => Ok(()),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    /// The answer to a GET with these headers, or the code of the refusal and its message.
    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<String, (u16, String)> {
        match self.ask(path, headers) {
            Ok(answer) => Ok(answer),
            Err(kube::Error::Api(status)) => Err((status.code, status.message.clone())),
            Err(error) => panic!("GET {path}: {error:?}"),
        }
    }

    fn ask(&self, path: &str, headers: &[(&str, &str)]) -> kube::Result<String> {
        let mut request = http::Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(vec![]).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let options = KubeConfigOptions::default();
            let config = Config::from_custom_kubeconfig(self.kubeconfig.clone(), &options)
                .await
                .unwrap();
            Client::try_from(config).unwrap().request_text(request).await
        })
    }
}

/// One request.
pub(crate) fn get(
    supervisor: &Supervisor,
    credential: Option<&Kubectl>,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<String, (u16, String)> {
    way(supervisor, credential).get(path, headers)
}
