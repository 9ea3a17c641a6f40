//! The issuer as browsers and clients see it, without a socket.

mod client;
mod sign_in;
mod tokens;

use std::{net::IpAddr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Request, StatusCode, header::LOCATION};
use http_body_util::{BodyExt as _, Full};
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{FIRST_USER_PASSWORD, Issuer, respond::Answer};
use crate::data_dir::DataDir;

const ISSUER: &str = "https://127.0.0.1:6444";
const REDIRECT: &str = "http://127.0.0.1:43211/callback";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const USER: &str = "dev@guest.local";

/// An issuer at its first start, and a clock.
struct Fixture {
    folder: tempfile::TempDir,
    dir: Arc<DataDir>,
    issuer: Issuer,
    now: Timestamp,
    password: String,
}

/// An answer that was read.
struct Read {
    status: StatusCode,
    headers: http::HeaderMap,
    text: String,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = Arc::new(DataDir::open_or_create(folder.path()).unwrap());
        let issuer = Issuer::open(&dir, ISSUER.into()).unwrap();
        let password = dir.read(FIRST_USER_PASSWORD).unwrap().unwrap().trim().to_owned();
        Self {
            folder,
            dir,
            issuer,
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            password,
        }
    }

    fn restart(&mut self) {
        self.issuer = Issuer::open(&self.dir, ISSUER.into()).unwrap();
    }

    fn later(&mut self, seconds: i64) {
        self.now = Timestamp::from_second(self.now.as_second() + seconds).unwrap();
    }

    async fn send(&self, request: http::request::Builder, body: String) -> Read {
        let request: Request<Full<Bytes>> = request.body(Full::from(body)).unwrap();
        let answer: Answer = self
            .issuer
            .answer(request, IpAddr::from([127, 0, 0, 1]), self.now)
            .await;
        let (head, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Read {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Read {
        self.send(Request::get(path), String::new()).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Read {
        let form_type = "application/x-www-form-urlencoded";
        self.send(Request::post(path).header("content-type", form_type), encode(form))
            .await
    }

    /// Opens the sign-in page.
    async fn open_page(&self) -> Read {
        self.get(&format!("/authorize?{}", encode(&authorization()))).await
    }

    /// Fills the form of a page in and sends it.
    async fn submit(&self, page: &Read, username: &str, password: &str) -> Read {
        let (login, request) = (page.hidden("login"), page.hidden("request"));
        let form = [
            ("login", &*login),
            ("request", &*request),
            ("username", username),
            ("password", password),
        ];
        self.post("/login", &form).await
    }

    /// Signs the first user in; the code.
    async fn code(&self) -> String {
        let page = self.open_page().await;
        let answer = self.submit(&page, USER, &self.password).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        answer.sent_back("code").unwrap()
    }

    async fn redeem(&self, code: &str) -> Read {
        self.post("/token", &redemption(code)).await
    }

    async fn refresh(&self, token: &str) -> Read {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "guestclusters"),
            ("refresh_token", token),
        ];
        self.post("/token", &form).await
    }
}

impl Read {
    /// A hidden field of the form.
    fn hidden(&self, name: &str) -> String {
        let from = format!(r#"<input type="hidden" name="{name}" value=""#);
        let start = self
            .text
            .find(&from)
            .unwrap_or_else(|| panic!("no {name} in {}", self.text))
            + from.len();
        let value = self.text[start..].split('"').next().unwrap();
        value.replace("&amp;", "&")
    }

    /// A parameter of the redirect.
    fn sent_back(&self, name: &str) -> Option<String> {
        let location = self.headers[LOCATION].to_str().unwrap();
        let query = location.strip_prefix(&format!("{REDIRECT}?")).unwrap();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn field(&self, name: &str) -> String {
        self.json()[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {}", self.text))
            .to_owned()
    }
}

fn encode(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
}

fn challenge() -> &'static str {
    static CHALLENGE: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER)));
    &CHALLENGE
}

fn authorization() -> Vec<(&'static str, &'static str)> {
    vec![
        ("response_type", "code"),
        ("client_id", "guestclusters"),
        ("redirect_uri", REDIRECT),
        ("scope", "openid"),
        ("state", "the state"),
        ("nonce", "the nonce"),
        ("code_challenge", challenge()),
        ("code_challenge_method", "S256"),
    ]
}

fn redemption(code: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", "guestclusters"),
        ("redirect_uri", REDIRECT),
        ("code", code),
        ("code_verifier", VERIFIER),
    ]
}

/// The claims of a token, unverified.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
