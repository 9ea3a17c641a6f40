//! Signing in to an embedded supervisor, over its sockets.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{Request, StatusCode, header};
use k8s_openapi::api::{
    authentication::v1::SelfSubjectReview,
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    core::v1::ConfigMap,
};
use kube::{Api, Client, api::PostParams, client::Body};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::Value;

use super::*;
use crate::lifetime::Server as _;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://127.0.0.1:9/callback";

fn config(folder: &Path, listen: &str, authentication_config: Option<&str>) -> Config {
    Config {
        driver: driver::Choice::Sim,
        data_dir: folder.to_owned(),
        listen: listen.parse().unwrap(),
        layers: "none".parse().unwrap(),
        sim_config: None,
        authentication_config: authentication_config.map(str::to_owned),
        require_subject_token: false,
        history: Default::default(),
        audit: None,
        shutdown_delay: std::time::Duration::ZERO,
    }
}

async fn start(config: &Config) -> anyhow::Result<Supervisor> {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    Supervisor::start(config).await
}

/// A client that trusts this authority and shows this token.
fn client(url: &str, authority_pem: &[u8], token: Option<&str>) -> Client {
    let mut config = kube::Config::new(url.parse().unwrap());
    let der = CertificateDer::from_pem_slice(authority_pem).unwrap();
    config.root_cert = Some(vec![der.to_vec()]);
    config.auth_info.token = token.map(|token| token.to_owned().into());
    Client::try_from(config).unwrap()
}

async fn send(client: &Client, request: http::request::Builder, body: String) -> (StatusCode, String, String) {
    let answer = client
        .send(request.body(Body::from(body.into_bytes())).unwrap())
        .await
        .unwrap();
    let location = answer
        .headers()
        .get(header::LOCATION)
        .map(|value| value.to_str().unwrap().to_owned());
    let status = answer.status();
    let body = http_body_util::BodyExt::collect(answer.into_body())
        .await
        .unwrap()
        .to_bytes();
    (
        status,
        location.unwrap_or_default(),
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

async fn post(client: &Client, path: &str, form: &[(&str, &str)]) -> (StatusCode, String, String) {
    let form_type = "application/x-www-form-urlencoded";
    let request = Request::post(path).header(header::CONTENT_TYPE, form_type);
    send(client, request, encode(form)).await
}

fn encode(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
}

/// Signs in as a browser and a client do together; what `/token` answers.
async fn sign_in(sso: &Client, password: &str) -> Value {
    let query = encode(&[
        ("response_type", "code"),
        ("client_id", "guestclusters"),
        ("redirect_uri", REDIRECT),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let (status, _, page) = send(sso, Request::get(format!("/authorize?{query}")), String::new()).await;
    assert_eq!(status, StatusCode::OK);
    let login = page
        .split(r#"name="login" value=""#)
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let form = [
        ("login", login),
        ("username", "dev@guest.local"),
        ("password", password),
    ];
    let (status, location, page) = post(sso, "/login", &form).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let code = location.split("code=").nth(1).unwrap().split('&').next().unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "guestclusters"),
        ("redirect_uri", REDIRECT),
        ("code", code),
        ("code_verifier", VERIFIER),
    ];
    let (status, _, tokens) = post(sso, "/token", &form).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    serde_json::from_str(&tokens).unwrap()
}

async fn may(client: &Client, verb: &str, resource: &str, namespace: &str) -> bool {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let group = if resource == "secrets" { "" } else { "guestclusters.dev" };
    let attributes = ResourceAttributes {
        group: Some(group.into()),
        resource: Some(resource.into()),
        subresource: Some(subresource.into()),
        verb: Some(verb.into()),
        namespace: Some(namespace.into()),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answer = Api::all(client.clone())
        .create(&PostParams::default(), &review)
        .await
        .unwrap();
    answer.status.unwrap().allowed
}

async fn whoami(client: &Client) -> Result<(String, Vec<String>), u16> {
    let review = Api::all(client.clone())
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await;
    match review {
        Ok(review) => {
            let user = review.status.unwrap().user_info.unwrap();
            Ok((user.username.unwrap(), user.groups.unwrap_or_default()))
        }
        Err(kube::Error::Api(status)) => Err(status.code),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_user_finds_the_page_signs_in_and_has_the_rights_of_the_team() {
    let folder = tempfile::tempdir().unwrap();
    let supervisor = start(&config(folder.path(), "127.0.0.1:0", None)).await.unwrap();
    let server = format!("https://{}", supervisor.address());
    let ca = std::fs::read(folder.path().join("ca.crt")).unwrap();

    let anonymous = client(&server, &ca, None);
    let public: Api<ConfigMap> = Api::namespaced(anonymous.clone(), "kube-public");
    let login = public.get("guestcluster-login").await.unwrap().data.unwrap();
    assert!(
        public
            .get("cluster-info")
            .await
            .is_err_and(|error| error.to_string().contains("forbidden"))
    );
    assert_eq!(login["client-id"], "guestclusters");
    assert_eq!(login["issuer-url"], supervisor.issuer());
    let sso_ca = STANDARD.decode(&login["certificate-authority-data"]).unwrap();
    let sso = client(&login["issuer-url"], &sso_ca, None);

    let password = std::fs::read_to_string(folder.path().join("sso-dev.password")).unwrap();
    let tokens = sign_in(&sso, password.trim()).await;
    let token = tokens["id_token"].as_str().unwrap();
    let dev = client(&server, &ca, Some(token));
    let (name, groups) = whoami(&dev).await.unwrap();
    assert_eq!(name, "sso:dev@guest.local");
    assert!(groups.contains(&"sso:team-a-developers".to_owned()), "{groups:?}");
    for (verb, resource, namespace, expected) in [
        ("create", "guestclusters", "team-a", true),
        ("delete", "guestclusters", "team-a", true),
        ("create", "guestclusters/credential", "team-a", true),
        ("guest-admin", "guestclusters", "team-a", true),
        ("guest-view", "guestclusters", "team-a", true),
        ("guest-break-glass", "guestclusters", "team-a", false),
        ("get", "secrets", "team-a", false),
        ("create", "guestclusters", "team-b", false),
        ("create", "guestclusters/credential", "team-b", false),
        ("guest-admin", "guestclusters", "team-b", false),
    ] {
        assert_eq!(
            may(&dev, verb, resource, namespace).await,
            expected,
            "{verb} {resource} in {namespace}"
        );
    }
    // Not the last character: some of its bits say nothing, so that another one can mean the same.
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    let altered = format!("{signed}.{other}{}", &signature[1..]);
    for bad in [altered.as_str(), "garbage", tokens["refresh_token"].as_str().unwrap()] {
        assert_eq!(whoami(&client(&server, &ca, Some(bad))).await, Err(401));
    }

    let (address, issuer) = (supervisor.address().to_string(), supervisor.issuer().to_owned());
    supervisor.stop().await;
    let again = start(&config(folder.path(), &address, None)).await.unwrap();
    let refresh = [
        ("grant_type", "refresh_token"),
        ("client_id", "guestclusters"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    if again.issuer() == issuer {
        assert!(whoami(&dev).await.is_ok(), "the token outlives the restart");
    }
    let sso = client(again.issuer(), &sso_ca, None);
    let (status, _, renewed) = post(&sso, "/token", &refresh).await;
    assert_eq!(status, StatusCode::OK, "{renewed}");
    let renewed: Value = serde_json::from_str(&renewed).unwrap();
    let dev = client(&server, &ca, renewed["id_token"].as_str());
    assert_eq!(
        whoami(&dev).await.unwrap().0,
        "sso:dev@guest.local",
        "the session outlives it in any case"
    );
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_issuer_is_trusted_with_a_prefix_of_its_own() {
    use crate::sso;
    let other_folder = tempfile::tempdir().unwrap();
    let other = start(&config(other_folder.path(), "127.0.0.1:0", None)).await.unwrap();
    let other_ca = std::fs::read_to_string(other_folder.path().join("ca.crt")).unwrap();
    let file = sso::authentication_configuration(other.issuer(), &other_ca);
    let file = file.to_string().replace("\"sso:\"", "\"sso:other:\"");

    let folder = tempfile::tempdir().unwrap();
    let supervisor = start(&config(folder.path(), "127.0.0.1:0", Some(&file))).await.unwrap();
    let sso = client(other.issuer(), other_ca.as_bytes(), None);
    let password = std::fs::read_to_string(other_folder.path().join("sso-dev.password")).unwrap();
    let tokens = sign_in(&sso, password.trim()).await;
    let ca = std::fs::read(folder.path().join("ca.crt")).unwrap();
    let server = format!("https://{}", supervisor.address());
    let dev = client(&server, &ca, tokens["id_token"].as_str());
    let (name, _) = whoami(&dev).await.unwrap();
    assert_eq!(name, "sso:other:dev@guest.local");
    assert!(
        !may(&dev, "create", "guestclusters", "team-a").await,
        "another issuer's people are other people"
    );
    supervisor.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_mistake_in_the_file_is_told_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = r#"{"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration", "jwt": [{
        "issuer": {"url": "https://a", "audiences": ["x"]}, "claimMappings": {"username": {"expression": "claims.sub +"}}}]}"#;
    let error = start(&config(&folder.path().join("new"), "127.0.0.1:0", Some(file)))
        .await
        .err()
        .unwrap();
    let error = format!("{error:#}");
    assert!(
        error.contains("--authentication-config: jwt[0].claimMappings.username.expression"),
        "{error}"
    );
    assert!(!folder.path().join("new").exists());
}
