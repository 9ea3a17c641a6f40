//! The server that is attacked, and whoever else wants something of it meanwhile.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use guestcluster_tests::{Connection, Endpoint, Protocol, Start, Supervisor, Usage};
use http::{Method, Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use serde_json::Value;

/// Longest that somebody else may wait for an answer, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where attackers may write.
pub(crate) const CONFIG_MAPS: &str = "/api/v1/namespaces/team-a/configmaps";

/// A server without controllers.
pub(crate) struct Victim {
    supervisor: Supervisor,
    pub(crate) endpoint: Endpoint,
}

impl Victim {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let supervisor = Supervisor::start(Start {
            layers: Some("none".to_owned()),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            ..Start::default()
        });
        let endpoint = Endpoint::of_kubeconfig(&supervisor.admin_kubeconfig()).unwrap();
        Self { supervisor, endpoint }
    }

    /// The listener of the sign-in page, which is another one.
    pub(crate) fn issuer(&self) -> Endpoint {
        let url = std::fs::read_to_string(self.supervisor.sso_dir().join("sso-issuer")).unwrap();
        let address = url.trim_start_matches("https://").split('/').next().unwrap();
        let authority = std::fs::read(self.supervisor.data_dir().join("ca.crt")).unwrap();
        Endpoint::of_authority(address.parse().unwrap(), &authority).unwrap()
    }

    /// Resident memory in MiB.
    pub(crate) fn memory(&self) -> f64 {
        Usage::of(self.supervisor.pid()).expect("it runs").resident_mib
    }

    /// Whether somebody new is served, and soon enough.
    pub(crate) async fn serves_others(&self, after: &str) {
        let begin = Instant::now();
        let asked = tokio::time::timeout(PATIENCE, async {
            for protocol in [Protocol::Http2, Protocol::Http1] {
                let mut connection = self.endpoint.connect_by(protocol).await?;
                let (status, answer) = connection.answer(self.get(&format!("{CONFIG_MAPS}?limit=1"))).await?;
                ensure!(status == StatusCode::OK, "{status}: {answer:?}");
            }
            Ok(())
        });
        let answered = asked.await.unwrap_or_else(|late| Err(late.into()));
        if let Err(error) = answered {
            panic!("after {after}, in {:?}: {error:#}", begin.elapsed());
        }
    }

    pub(crate) fn get(&self, path: &str) -> Request<Full<Bytes>> {
        self.request(&Method::GET, path, "", "")
    }

    pub(crate) fn request(
        &self,
        method: &Method,
        path: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(self.endpoint.uri(path).unwrap());
        if !content_type.is_empty() {
            request = request.header(CONTENT_TYPE, content_type);
        }
        request.body(Full::new(body.into())).unwrap()
    }

    /// Sends a request and reads the answer as JSON; null where it is none.
    pub(crate) async fn ask(&self, connection: &mut Connection, request: Request<Full<Bytes>>) -> (u16, Value) {
        let answer = tokio::time::timeout(PATIENCE * 2, connection.answer(request)).await;
        let (status, answer) = answer.expect("an answer in time").expect("an answer");
        (status.as_u16(), serde_json::from_slice(&answer).unwrap_or_default())
    }
}
