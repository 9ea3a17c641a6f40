use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};
use rustls_pki_types::CertificateDer;

use super::{
    super::testing::{Authority, authority},
    *,
};

type Chain = [CertificateDer<'static>; 1];

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn config(ca: &Authority) -> RequestHeaderConfig {
    RequestHeaderConfig {
        ca_pem: ca.pem.clone().into_bytes(),
        allowed_names: words(&["front-proxy-client", "other-proxy"]),
        username_headers: words(&["X-Remote-User"]),
        uid_headers: words(&["X-Remote-Uid"]),
        group_headers: words(&["X-Remote-Group"]),
        extra_header_prefixes: words(&["X-Remote-Extra-"]),
    }
}

fn proxy(ca: &Authority) -> Chain {
    ca.client("front-proxy-client", "", |_| {})
}

async fn ask(authenticator: &RequestHeader, chain: &[CertificateDer<'static>], headers: &[(&str, &[u8])]) -> Found {
    let mut request = http::Request::get("/").body(()).unwrap();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let value = http::HeaderValue::from_bytes(value).unwrap();
        request.headers_mut().append(name, value);
    }
    let connection = Connection {
        remote: None,
        peer_certificates: chain.into(),
    };
    let found = authenticator.authenticate(&request.into_parts().0, &connection).await;
    found.map(|found| found.map(|found| found.user))
}

type Found = Result<Option<crate::authn::User>, Refused>;

const ANA: (&str, &[u8]) = ("X-Remote-User", b"sso:ana");

#[test]
fn the_client_is_who_the_proxy_got_the_request_from() {
    let source = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        forwarded_for(&headers).map(|address| address.to_string())
    };
    assert_eq!(source(&["192.0.2.7"]).as_deref(), Some("192.0.2.7"));
    assert_eq!(
        source(&["10.0.0.1, 192.0.2.7"]).as_deref(),
        Some("192.0.2.7"),
        "the client may claim anything before"
    );
    assert_eq!(source(&["10.0.0.1", "2001:db8::1"]).as_deref(), Some("2001:db8::1"));
    assert_eq!(source(&["unknown"]), None);
    assert_eq!(source(&[]), None);
}

#[tokio::test]
async fn the_front_proxys_headers_are_the_user() {
    let ca = authority();
    let authenticator = RequestHeader::new(config(&ca)).unwrap();
    let headers: [(&str, &[u8]); 10] = [
        ("x-remote-user", b"sso:ana"),
        ("X-Remote-Uid", b"42"),
        ("X-Remote-Group", b"a, b"),
        ("X-Remote-Group", b""),
        ("X-Remote-Group", "größe".as_bytes()),
        ("X-Remote-Extra-Acme.com%2fProject", b"x"),
        ("X-Remote-Extra-acme.com%2Fproject", b"y"),
        ("X-Remote-Extra-Scopes", b"50%"),
        ("X-Remote-Extra-%41%zz", b"no escape"),
        ("Impersonate-User", b"root"),
    ];
    let chain = proxy(&ca);
    for _ in 0..2 {
        let user = ask(&authenticator, &chain, &headers).await.unwrap().unwrap();
        assert_eq!((user.name.as_str(), user.uid.as_deref()), ("sso:ana", Some("42")));
        assert_eq!(user.groups, ["a, b", "größe"]);
        assert_eq!(user.extra["acme.com/project"], ["x", "y"]);
        assert_eq!(user.extra["scopes"], ["50%"]);
        assert_eq!(user.extra["%41%zz"], ["no escape"]);
        assert_eq!(user.extra.len(), 3);
    }
}

#[tokio::test]
async fn hundreds_of_groups_arrive() {
    let ca = authority();
    let authenticator = RequestHeader::new(config(&ca)).unwrap();
    let groups: Vec<String> = (0..2000)
        .map(|number| format!("sso:group-{number}@example.com"))
        .collect();
    let mut headers = vec![ANA];
    headers.extend(groups.iter().map(|group| ("X-Remote-Group", group.as_bytes())));
    let user = ask(&authenticator, &proxy(&ca), &headers).await.unwrap().unwrap();
    assert_eq!(user.groups, groups);
}

#[tokio::test]
async fn from_anybody_else_they_are_refused() {
    let (ca, client_ca) = (authority(), authority());
    let authenticator = RequestHeader::new(config(&ca)).unwrap();
    let changed = |change: fn(&mut CertificateParams)| ca.client("front-proxy-client", "", change);
    let others: [Vec<CertificateDer<'static>>; 6] = [
        proxy(&client_ca).into(),
        ca.client("somebody", "front-proxy-client", |_| {}).into(),
        ca.client("front-proxy-client-2", "", |_| {}).into(),
        changed(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)).into(),
        changed(|params| params.not_before = rcgen::date_time_ymd(2999, 1, 1)).into(),
        changed(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]).into(),
    ];
    let claims: [(&str, &[u8]); 4] = [
        ANA,
        ("X-Remote-Group", b"system:masters"),
        ("X-Remote-Uid", b"1"),
        ("X-Remote-Extra-Scopes", b"all"),
    ];
    for (index, chain) in others.iter().enumerate() {
        for claim in claims {
            for _ in 0..2 {
                assert!(ask(&authenticator, chain, &[claim]).await.is_err(), "{index} {claim:?}");
            }
        }
        let without = ask(&authenticator, chain, &[("Accept", b"*/*")]).await;
        assert!(without.is_err(), "{index}: it is the next authenticator's business");
    }
    for claim in claims {
        let without_certificate = ask(&authenticator, &[], &[claim]).await;
        assert_eq!(without_certificate, Ok(None), "{claim:?}");
    }
    assert!(ask(&authenticator, &proxy(&ca), &[ANA]).await.unwrap().is_some());
}

#[tokio::test]
async fn the_proxy_itself_is_nobody_without_a_username() {
    let ca = authority();
    let authenticator = RequestHeader::new(config(&ca)).unwrap();
    let chain = proxy(&ca);
    for headers in [&[][..], &[("X-Remote-Group", b"g" as &[u8])], &[("X-Remote-User", b"")]] {
        assert_eq!(ask(&authenticator, &chain, headers).await, Ok(None), "{headers:?}");
    }
    let not_text = ask(&authenticator, &chain, &[("X-Remote-User", b"\xff")]).await;
    assert!(not_text.is_err());
}

#[tokio::test]
async fn headers_may_be_called_otherwise_and_are_removed() {
    let ca = authority();
    let authenticator = RequestHeader::new(RequestHeaderConfig {
        username_headers: words(&["X-First", "X-Second"]),
        extra_header_prefixes: words(&["X-More-", "X-Much-"]),
        ..config(&ca)
    })
    .unwrap();
    let headers: [(&str, &[u8]); 4] = [("X-First", b""), ("X-Second", b"ana"), ("X-Much-K", b"v"), ANA];
    let user = ask(&authenticator, &proxy(&ca), &headers).await.unwrap().unwrap();
    assert_eq!(
        (user.name.as_str(), user.extra["k"].as_slice()),
        ("ana", &["v".to_owned()][..])
    );

    let mut map: HeaderMap = HeaderMap::new();
    for name in [
        "x-first",
        "x-second",
        "x-more-a",
        "x-much-",
        "x-remote-group",
        "x-remote-uid",
        "accept",
    ] {
        map.append(name, "v".parse().unwrap());
        map.append(name, "w".parse().unwrap());
    }
    authenticator.strip(&mut map);
    assert_eq!(map.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
}

#[test]
fn a_configuration_that_trusts_too_many_or_nobody_is_refused() {
    let ca = authority();
    let with = |change: fn(&mut RequestHeaderConfig)| {
        let mut config = config(&ca);
        change(&mut config);
        RequestHeader::new(config).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(with(|_| {}), Ok(()));
    let refused = [
        with(|config| config.allowed_names.clear()),
        with(|config| config.allowed_names = words(&[""])),
        with(|config| config.ca_pem.clear()),
        with(|config| config.username_headers.clear()),
        with(|config| config.extra_header_prefixes = words(&[" "])),
        with(|config| config.group_headers = words(&["not a header"])),
    ];
    let said: Vec<String> = refused.into_iter().map(Result::unwrap_err).collect();
    assert!(
        said[0].contains("allowed names") && said[1].contains("allowed names"),
        "{said:?}"
    );
    assert!(said[3].contains("username"), "{said:?}");
    assert!(said[5].contains("not a header"), "{said:?}");
}

proptest::proptest! {
    #[test]
    fn whatever_is_claimed_nobody_but_the_proxy_is_believed(
        claims in proptest::collection::vec(
            ("(x-remote-(user|uid|group|extra-[a-z%0-9]{0,8}))|[a-z-]{1,12}", proptest::collection::vec(0x20_u8..0xff, 0..12)),
            0..8,
        ),
    ) {
        let (ca, client_ca) = AUTHORITIES.get_or_init(|| (authority(), authority()));
        let authenticator = RequestHeader::new(config(ca)).unwrap();
        let claims: Vec<(&str, &[u8])> = claims
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
            .filter(|(name, value)| HeaderName::from_bytes(name.as_bytes()).is_ok() && !value.contains(&0x7f))
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for chain in [&[][..], &proxy(client_ca), &ca.client("somebody", "", |_| {})] {
                let found = ask(&authenticator, chain, &claims).await;
                assert!(!matches!(found, Ok(Some(_))), "{found:?}");
            }
            // The proxy is believed or refused, never with a panic.
            if let Ok(Some(user)) = ask(&authenticator, &proxy(ca), &claims).await {
                let said = claims.iter().any(|(name, value)| *name == "x-remote-user" && *value == user.name.as_bytes());
                assert!(said, "{user:?}");
            }
        });
    }
}

static AUTHORITIES: std::sync::OnceLock<(Authority, Authority)> = std::sync::OnceLock::new();
