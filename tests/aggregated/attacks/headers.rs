//! Who says in headers that he is somebody else.

use std::time::Duration;

use guestcluster_credentials::x509::{CertificateAuthority, CertifiedKey};
use guestcluster_tests::eventually;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair};

use crate::direct;

use super::target::{FRONT_PROXY, LIST, MASTER, Target};

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn without_a_certificate_headers_are_nobodys() {
    let target = Target::shared();
    let (code, message) = target.nobody().get(LIST, &MASTER).unwrap_err();
    assert_eq!(code, 403, "{message}");
    assert!(message.contains("User \"system:anonymous\" cannot list"), "{message}");
}

#[test]
fn a_certificate_of_a_stranger_is_refused() {
    let target = Target::shared();
    let (stranger, _) = CertificateAuthority::generate("front-proxy-ca").unwrap();
    let proxy = stranger.issue_client(FRONT_PROXY, None, HOUR).unwrap();
    assert_eq!(target.with(&proxy).get(LIST, &MASTER).unwrap_err().0, 401);
}

#[test]
fn a_front_proxys_authority_does_not_make_every_name_a_front_proxy() {
    let target = Target::shared();
    for name in ["somebody", "front-proxy-client2", "Front-Proxy-Client", ""] {
        let other = target.with(&target.front_proxy(name));
        assert_eq!(other.get(LIST, &MASTER).unwrap_err().0, 401, "{name:?}");
    }
}

#[test]
fn a_user_who_is_called_like_the_front_proxy_is_a_user() {
    let target = Target::shared();
    let namesake = direct::way(&target.team, Some(&target.team.kubectl_as(FRONT_PROXY)));
    let (code, message) = namesake.get(LIST, &MASTER).unwrap_err();
    assert_eq!(code, 403, "{message}");
    assert!(message.contains("User \"front-proxy-client\" cannot list"), "{message}");
    // Nor does an administrator become somebody else.
    let admin = direct::way(&target.team, Some(&target.admin()));
    assert!(admin.get(LIST, &[("X-Remote-User", "eve")]).is_ok());
}

#[test]
fn a_front_proxys_certificate_is_for_clients_and_for_its_time() {
    let target = Target::shared();
    let serving = target
        .front_proxies
        .issue_server(FRONT_PROXY, &[FRONT_PROXY], &[], HOUR)
        .unwrap();
    let [expired, early] = [2000, 2999].map(|year| valid_in(year, &target.front_proxies_pair));
    for (what, certificate) in [("expired", expired), ("of a server", serving), ("not yet valid", early)] {
        assert_eq!(
            target.with(&certificate).get(LIST, &MASTER).unwrap_err().0,
            401,
            "{what}"
        );
    }
}

#[test]
fn impersonation_is_not_accepted_from_anybody() {
    let target = Target::shared();
    let proxy = target.with(&target.front_proxy(FRONT_PROXY));
    let admin = direct::way(&target.team, Some(&target.admin()));
    for header in [
        ("Impersonate-User", "ana"),
        ("Impersonate-Group", "system:masters"),
        ("Impersonate-Uid", "1"),
    ] {
        for (way, more) in [(&proxy, &MASTER[..]), (&admin, &[])] {
            let headers: Vec<_> = more.iter().copied().chain([header]).collect();
            let (code, message) = way.get(LIST, &headers).unwrap_err();
            assert_eq!(code, 400, "{header:?}: {message}");
        }
    }
}

#[test]
fn a_name_that_the_front_proxy_does_not_say_is_nobody() {
    let target = Target::shared();
    let proxy = target.with(&target.front_proxy(FRONT_PROXY));
    for headers in [
        &[][..],
        &[("X-Remote-User", "")],
        &[("X-Remote-Group", "system:masters")],
    ] {
        let (code, message) = proxy.get(LIST, headers).unwrap_err();
        assert_eq!(code, 401, "{headers:?}: {message}");
    }
}

/// Over its own host: the authority that goes is one that others use.
#[test]
fn an_authority_that_the_host_does_not_name_any_more_is_refused() {
    let target = Target::shared();
    let (third, _) = CertificateAuthority::generate("a third authority").unwrap();
    let proxy = target.with(&third.issue_client(FRONT_PROXY, None, HOUR).unwrap());
    let before = target.trusted_front_proxies();
    target.trust_front_proxies(&format!("{before}{}", third.certificate()));
    eventually(20, "it counts beside the others", || {
        proxy
            .get(LIST, &MASTER)
            .map(drop)
            .map_err(|refusal| format!("{refusal:?}"))
    });
    let others = target.with(&target.front_proxy(FRONT_PROXY));
    assert!(others.get(LIST, &MASTER).is_ok(), "the others go on");
    target.trust_front_proxies(&before);
    eventually(20, "it does not count any more", || match proxy.get(LIST, &MASTER) {
        Err((401, _)) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert!(others.get(LIST, &MASTER).is_ok(), "the others go on");
}

fn valid_in(year: i32, authority: &CertifiedKey) -> CertifiedKey {
    let issuer = Issuer::from_ca_cert_pem(&authority.certificate, KeyPair::from_pem(&authority.key).unwrap()).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, FRONT_PROXY);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = rcgen::date_time_ymd(year, 1, 1);
    params.not_after = rcgen::date_time_ymd(year, 12, 31);
    let key = KeyPair::generate().unwrap();
    CertifiedKey {
        certificate: params.signed_by(&key, &issuer).unwrap().pem(),
        key: key.serialize_pem(),
    }
}
