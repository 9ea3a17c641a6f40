//! TLS, and users of etcd's.

use std::{fs, path::Path};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::{
    super::protocol::{
        authpb::{Permission, permission},
        etcdserverpb::{
            AuthEnableRequest, AuthRoleAddRequest, AuthRoleGrantPermissionRequest, AuthUserAddRequest,
            AuthUserGrantRoleRequest, auth_client::AuthClient,
        },
    },
    *,
};
use crate::storage::tests::rules::{committed, keys, next, put, value};

/// Writes an authority and a pair that it issued for 127.0.0.1.
fn certificates(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::NoCa;
    let issued = params.signed_by(&key, &issuer).unwrap();
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("ca.crt"), authority.pem()).unwrap();
    fs::write(folder.join("it.crt"), issued.pem()).unwrap();
    fs::write(folder.join("it.key"), key.serialize_pem()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_are_known_by_their_certificates() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, others) = (folder.path().join("ours"), folder.path().join("others"));
    certificates(&ours);
    certificates(&others);
    let file = |name: &str| ours.join(name).to_str().unwrap().to_owned();
    let flags = [
        ("--cert-file", file("it.crt")),
        ("--key-file", file("it.key")),
        ("--trusted-ca-file", file("ca.crt")),
        ("--client-cert-auth", "true".to_owned()),
    ];
    let flags = flags.map(|(name, value)| format!("{name}={value}")).to_vec();
    let server = tokio::task::block_in_place(|| EtcdServer::start_with("https", flags));
    let by = |authority: &Path, identity: Option<&Path>| Config {
        ca_file: Some(authority.join("ca.crt")),
        identity: identity.map(|folder| (folder.join("it.crt"), folder.join("it.key"))),
        ..plain(&[&server.url()], "test")
    };
    let store = Etcd::connect(by(&ours, Some(&ours))).await.unwrap().keyspace("a/");
    committed(&*store, vec![put("x", "1")]).await;
    assert_eq!(value(&*store, "x").await.as_deref(), Some("1"));

    let distrusted = Etcd::connect(by(&others, Some(&ours))).await.map(|_| ()).unwrap_err();
    assert!(distrusted.to_string().contains("certificate"), "{distrusted}");
    for identity in [None, Some(&*others)] {
        assert!(Etcd::connect(by(&ours, identity)).await.is_err());
    }
    let missing = Etcd::connect(by(&folder.path().join("none"), None))
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(missing.to_string().contains("none/ca.crt"), "{missing}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_signs_in_again_when_etcd_has_forgotten_the_token() {
    let mut server = own_server().await;
    let administrator = connect(&server).await;
    let channel = administrator.client.member().await.unwrap().channel;
    users(AuthClient::new(channel)).await;
    let anonymous = Etcd::connect(plain(&[&server.url()], "test")).await.map(|_| ());
    assert!(anonymous.is_err());

    let folder = tempfile::tempdir().unwrap();
    let url = server.url();
    let as_user = |password: &str| {
        let file = folder.path().join(password);
        fs::write(&file, format!("{password}\n")).unwrap();
        Config {
            user: Some(("limited".to_owned(), file)),
            ..plain(&[&url], "test")
        }
    };
    let wrong = Etcd::connect(as_user("wrong"))
        .await
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(wrong.contains("authentication failed"), "{wrong}");
    let etcd = Etcd::connect(as_user("secret")).await.unwrap();
    let store = etcd.keyspace("a/");
    let mut commits = store.watch(store.revision().await.unwrap()).await.unwrap();
    committed(&*store, vec![put("x", "1")]).await;
    assert_eq!(keys(&next(&mut commits).await), ["x"]);

    // Tokens are in etcd's memory.
    tokio::task::block_in_place(|| server.restart());
    eventually("etcd is well again", async || store.revision().await.is_ok()).await;
    committed(&*store, vec![put("y", "1")]).await;
    assert_eq!(keys(&next(&mut commits).await), ["y"]);
    let elsewhere = Config {
        prefix: "elsewhere".to_owned(),
        ..as_user("secret")
    };
    let refused = Etcd::connect(elsewhere).await.map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("permission denied"), "{refused}");
}

/// `root`, and `limited`, who may use the test's prefix.
async fn users(mut auth: AuthClient<tonic::transport::Channel>) {
    for (name, role) in [("root", "root"), ("limited", "limited")] {
        auth.role_add(AuthRoleAddRequest { name: role.to_owned() })
            .await
            .unwrap();
        let user = AuthUserAddRequest {
            name: name.to_owned(),
            password: "secret".to_owned(),
            ..AuthUserAddRequest::default()
        };
        auth.user_add(user).await.unwrap();
        let grant = AuthUserGrantRoleRequest {
            user: name.to_owned(),
            role: role.to_owned(),
        };
        auth.user_grant_role(grant).await.unwrap();
    }
    let permission = AuthRoleGrantPermissionRequest {
        name: "limited".to_owned(),
        perm: Some(Permission {
            perm_type: permission::Type::Readwrite.into(),
            key: b"/test/".to_vec(),
            range_end: b"/test0".to_vec(),
        }),
    };
    auth.role_grant_permission(permission).await.unwrap();
    auth.auth_enable(AuthEnableRequest {}).await.unwrap();
}
