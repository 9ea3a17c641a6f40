//! An issuer in the process: keys, discovery and JWKS over TLS, counted, and changed by the test.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{URL_SAFE_NO_PAD, jws};
use crate::{authn::testing::serving_certificate, serve::tls};
use base64::Engine as _;

/// A key of an issuer.
pub(super) struct SigningKey {
    pub(super) kid: &'static str,
    pair: Pair,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl SigningKey {
    pub(super) fn ec(kid: &'static str) -> SigningKey {
        let pair = Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
        SigningKey { kid, pair }
    }

    pub(super) fn rsa(kid: &'static str) -> SigningKey {
        let pair = Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
        SigningKey { kid, pair }
    }

    pub(super) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
                json!({"kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "alg": "ES256", "x": x, "y": y})
            }
            Pair::Rsa(pair) => {
                let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
                let n = number(pair.public_key().modulus().big_endian_without_leading_zero());
                let e = number(pair.public_key().exponent().big_endian_without_leading_zero());
                json!({"kty": "RSA", "kid": self.kid, "use": "sig", "n": n, "e": e})
            }
        }
    }

    pub(super) fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ec(_) => "ES256",
            Pair::Rsa(_) => "RS256",
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Ec(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .unwrap();
                signature
            }
        }
    }

    /// A token with the usual header.
    pub(super) fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": self.algorithm(), "kid": self.kid, "typ": "JWT"});
        jws(&header.to_string(), &claims.to_string(), |message| self.sign(message))
    }
}

/// What is served, and how often it was asked for.
#[derive(Default)]
pub(super) struct Served {
    pub(super) documents: BTreeMap<String, (u16, String)>,
    pub(super) asked: BTreeMap<String, usize>,
}

/// A running issuer.
pub(super) struct TestIssuer {
    pub(super) url: String,
    pub(super) authority: String,
    pub(super) served: Arc<Mutex<Served>>,
    /// Told of each request.
    requests: Arc<Notify>,
    _serving: JoinSet<()>,
}

impl TestIssuer {
    /// Publishes these keys.
    pub(super) async fn start(keys: &[&SigningKey]) -> TestIssuer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (authority, certificate, key) = serving_certificate(&["127.0.0.1"]);
        let tls = tls::server_config(certificate.as_bytes(), key.as_bytes(), None).unwrap();
        let served = Arc::new(Mutex::new(Served::default()));
        let mut serving = JoinSet::new();
        let requests = Arc::new(Notify::new());
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        serving.spawn(serve(listener, acceptor, served.clone(), requests.clone()));
        let issuer = TestIssuer {
            url,
            authority,
            served,
            requests,
            _serving: serving,
        };
        let discovery = json!({"issuer": issuer.url, "jwks_uri": format!("{}/keys", issuer.url)});
        issuer.serve("/.well-known/openid-configuration", 200, &discovery);
        issuer.publish(keys);
        issuer
    }

    /// Replaces the keys.
    pub(super) fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        self.serve("/keys", 200, &json!({"keys": keys}));
    }

    /// Replaces a document.
    pub(super) fn serve(&self, path: &str, status: u16, document: &Value) {
        let mut served = self.served.lock();
        served.documents.insert(path.to_owned(), (status, document.to_string()));
    }

    /// How often the keys were asked for.
    pub(super) fn fetches(&self) -> usize {
        self.served.lock().asked.get("/keys").copied().unwrap_or_default()
    }

    /// Waits until the keys were fetched that often.
    pub(super) async fn fetched(&self, times: usize) {
        let enough = async {
            loop {
                let another = self.requests.notified();
                if self.fetches() >= times {
                    return;
                }
                another.await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), enough)
            .await
            .unwrap();
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, served: Arc<Mutex<Served>>, requests: Arc<Notify>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, served, requests) = (acceptor.clone(), served.clone(), requests.clone());
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer(&mut served.lock(), request.uri().path());
                requests.notify_waiters();
                async move { Ok::<_, std::convert::Infallible>(answer) }
            });
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn answer(served: &mut Served, path: &str) -> Response<Full<Bytes>> {
    *served.asked.entry(path.to_owned()).or_default() += 1;
    let (status, text) = served.documents.get(path).cloned().unwrap_or((404, String::new()));
    let location = format!("https://127.0.0.1:1{path}");
    Response::builder()
        .status(status)
        .header("location", location)
        .body(Full::from(text))
        .unwrap()
}
