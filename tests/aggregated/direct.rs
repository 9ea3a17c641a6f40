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

    /// The answer to a GET with these headers, or the code of the refusal and its message.
    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<String, (u16, String)> {
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
            let client = Client::try_from(config).unwrap();
            match client.request_text(request).await {
                Ok(answer) => Ok(answer),
                Err(kube::Error::Api(status)) => Err((status.code, status.message.clone())),
                Err(error) => panic!("GET {path}: {error:?}"),
            }
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
