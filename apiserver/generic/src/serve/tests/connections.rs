use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures::FutureExt as _;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    authn::{ClientCertificates, RequestHeader, RequestHeaderConfig},
    serve::{Limits, listener::Bounds, tls::server_config},
};

pub(super) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

pub(super) struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Identity {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    pub(super) fn client(&self, name: &str, year: i32) -> Identity {
        self.issue(|params| {
            params.distinguished_name.push(DnType::CommonName, name);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
        })
    }

    fn server(&self) -> ServerConfig {
        let identity = self.issue(|_| {});
        let ca = Some(self.pem.as_bytes());
        server_config(identity.certificate.as_bytes(), identity.key.as_bytes(), ca).unwrap()
    }

    /// A client that trusts this authority and shows `identity`.
    pub(super) fn trusting(&self, identity: Option<&Identity>, alpn: &str) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = config.with_root_certificates(roots);
        let mut config = match identity {
            None => config.with_no_client_auth(),
            Some(identity) => {
                let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
                config.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        config
    }
}

pub(super) struct Running {
    server: Arc<ApiServer>,
    pub(super) address: SocketAddr,
    tls: Arc<ArcSwap<ServerConfig>>,
    stop: CancellationToken,
    ended: JoinHandle<std::io::Result<()>>,
}

pub(super) async fn start(authority: &Authority, limits: Limits) -> Running {
    let certificates = ClientCertificates::new(authority.pem.as_bytes()).unwrap();
    let request_header = RequestHeader::new(RequestHeaderConfig {
        ca_pem: authority.pem.clone().into_bytes(),
        allowed_names: vec!["front-proxy".into()],
        username_headers: vec!["X-Remote-User".into()],
        group_headers: vec!["X-Remote-Group".into()],
        ..RequestHeaderConfig::default()
    });
    let server = builder()
        .authenticator(Arc::new(request_header.unwrap()))
        .authenticator(Arc::new(certificates))
        .anonymous(true)
        .limits(limits)
        .build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tls = Arc::new(ArcSwap::from_pointee(authority.server()));
    let stop = CancellationToken::new();
    let ended = tokio::spawn(server.clone().serve(listener, tls.clone(), stop.clone()));
    Running {
        server,
        address,
        tls,
        stop,
        ended,
    }
}

pub(super) async fn connect(address: SocketAddr, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config))
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
}

/// A connection that speaks what ALPN chose.
pub(super) struct Speaker {
    sender: Sender,
    /// Ends with the connection.
    connection: JoinHandle<()>,
}

enum Sender {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

impl Speaker {
    pub(super) async fn new(stream: TlsStream<TcpStream>) -> Speaker {
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let io = TokioIo::new(stream);
        if is_http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
            Speaker {
                sender: Sender::Http2(sender),
                connection: tokio::spawn(connection.map(drop)),
            }
        } else {
            let (sender, connection) = http1::handshake(io).await.unwrap();
            Speaker {
                sender: Sender::Http1(sender),
                connection: tokio::spawn(connection.map(drop)),
            }
        }
    }

    pub(super) async fn get(&mut self, path: &str) -> hyper::Result<http::Response<hyper::body::Incoming>> {
        let request = Request::get(format!("https://localhost{path}")).header("host", "localhost");
        self.send(request.body(Empty::new()).unwrap()).await
    }

    /// Done when the server closed it.
    pub(super) async fn closed(&mut self) {
        (&mut self.connection).await.unwrap();
    }

    async fn send(&mut self, request: Request<Empty<Bytes>>) -> hyper::Result<http::Response<hyper::body::Incoming>> {
        match &mut self.sender {
            Sender::Http1(sender) => sender.send_request(request).await,
            Sender::Http2(sender) => sender.send_request(request).await,
        }
    }
}

async fn status(running: &Running, config: ClientConfig, path: &str) -> u16 {
    let stream = connect(running.address, config).await.unwrap();
    Speaker::new(stream).await.get(path).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn client_certificates_are_judged_by_the_server_and_not_by_tls() {
    let authority = Authority::new("ours");
    let running = start(&authority, Limits::default()).await;
    let good = authority.client("alice", 2999);
    let expired = authority.client("alice", 2001);
    let unknown = Authority::new("theirs").client("alice", 2999);
    for alpn in ["h2", "http/1.1"] {
        let cases = [
            (Some(&good), widget("alice"), 200),
            (Some(&good), widget("bob"), 403),
            (Some(&expired), widget("alice"), 401),
            (Some(&unknown), widget("alice"), 401),
            (None, widget("alice"), 403),
            (None, widget("system:anonymous"), 200),
        ];
        for (identity, path, expected) in cases {
            let found = status(&running, authority.trusting(identity, alpn), &path).await;
            assert_eq!(found, expected, "{path} over {alpn}");
        }
    }
}

#[tokio::test]
async fn a_front_proxy_may_send_hundreds_of_groups() {
    let authority = Authority::new("ours");
    let running = start(&authority, Limits::default()).await;
    let proxy = authority.client("front-proxy", 2999);
    for (alpn, count) in [("h2", 1500), ("http/1.1", 800)] {
        let stream = connect(running.address, authority.trusting(Some(&proxy), alpn)).await;
        let mut speaker = Speaker::new(stream.unwrap()).await;
        let mut request = Request::get(format!("https://localhost{}", widget("ana")))
            .header("host", "localhost")
            .header("x-remote-user", "ana");
        for number in 0..count {
            request = request.header("x-remote-group", format!("sso:group-{number}@directory.example.com"));
        }
        let answer = speaker.send(request.body(Empty::new()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200, "{alpn}");
        let seen = answer.into_body().collect().await.unwrap().to_bytes();
        let seen: serde_json::Value = serde_json::from_slice(&seen).unwrap();
        assert_eq!(seen["groups"].as_array().unwrap().len(), count + 1, "{alpn}");
    }
}

#[tokio::test]
async fn a_new_certificate_counts_for_new_connections() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let running = start(&old, Limits::default()).await;
    let mut open = Speaker::new(connect(running.address, old.trusting(None, "h2")).await.unwrap()).await;
    running.tls.store(Arc::new(new.server()));
    assert!(connect(running.address, old.trusting(None, "h2")).await.is_err());
    assert_eq!(status(&running, new.trusting(None, "h2"), "/livez").await, 200);
    assert_eq!(open.get("/livez").await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_client_that_does_not_shake_hands_is_cut_off() {
    let limits = Limits {
        listener: Bounds {
            handshake: Duration::from_millis(50),
            ..Bounds::default()
        },
        ..Limits::default()
    };
    let running = start(&Authority::new("ours"), limits).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(&[22, 3]).await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut [0; 16]))
        .await
        .unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let authority = Authority::new("ours");
    let running = start(
        &authority,
        Limits {
            listener: Bounds {
                connections: 1,
                ..Bounds::default()
            },
            ..Limits::default()
        },
    )
    .await;
    let first = connect(running.address, authority.trusting(None, "http/1.1"))
        .await
        .unwrap();
    let mut second = std::pin::pin!(connect(running.address, authority.trusting(None, "http/1.1")));
    assert!(
        tokio::time::timeout(Duration::from_millis(100), second.as_mut())
            .await
            .is_err()
    );
    drop(first);
    second.await.unwrap();
}

#[tokio::test]
async fn draining_ends_watches_cleanly_and_refuses_new_connections() {
    let authority = Authority::new("ours");
    for alpn in ["h2", "http/1.1"] {
        let running = start(&authority, Limits::default()).await;
        let alice = authority.client("alice", 2999);
        let config = authority.trusting(Some(&alice), alpn);
        let mut speaker = Speaker::new(connect(running.address, config.clone()).await.unwrap()).await;
        let path = "/apis/demo.example.io/v1/widgets?watch=1&fieldSelector=metadata.name%3Dalice";
        let mut watch = speaker.get(path).await.unwrap().into_body();
        assert_eq!(
            watch.frame().await.unwrap().unwrap().into_data().unwrap(),
            "{\"type\":\"ADDED\"}\n"
        );
        running.stop.cancel();
        assert!(
            watch
                .frame()
                .await
                .is_none_or(|frame| frame.is_ok_and(|frame| frame.is_data())),
            "{alpn}"
        );
        running.ended.await.unwrap().unwrap();
        assert!(connect(running.address, config).await.is_err(), "{alpn}");
    }
}

#[tokio::test]
async fn draining_waits_for_requests_but_not_for_ever() {
    let authority = Authority::new("ours");
    let limits = Limits {
        listener: Bounds {
            drain: Duration::from_millis(200),
            ..Bounds::default()
        },
        ..Limits::default()
    };
    let running = start(&authority, limits).await;
    let slow = authority.client("slow", 2999);
    let stream = connect(running.address, authority.trusting(Some(&slow), "h2"))
        .await
        .unwrap();
    let mut speaker = Speaker::new(stream).await;
    let request = tokio::spawn(async move { speaker.get(&widget("slow")).await.map(|_| ()) });
    while running.server.in_flight.load().reads == 0 {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    running.stop.cancel();
    running.ended.await.unwrap().unwrap();
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert!(request.await.unwrap().is_err());
}
