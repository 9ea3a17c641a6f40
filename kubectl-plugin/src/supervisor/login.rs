//! Where to sign in: ConfigMap `kube-public/guestcluster-login`, which everybody may read.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use super::Supervisor;
use crate::{
    error::{Error, NO_KUBERNETES, Result},
    https,
    openid::Issuer,
};

const NAMESPACE: &str = "kube-public";
const NAME: &str = "guestcluster-login";
/// Asks for an ID token, and for a refresh token so that the session goes on.
const SCOPES: &str = "openid offline_access";
const NEXT: &str = "Ask the supervisor's operator for the issuer, and name it: --issuer-url URL --client-id ID";

/// What a person says about the issuer instead.
#[derive(Clone, Debug)]
pub(crate) struct LoginSettings {
    pub(crate) issuer_url: String,
    pub(crate) client_id: String,
    /// PEM.
    pub(crate) certificate_authority: Option<String>,
}

impl From<LoginSettings> for Issuer {
    fn from(settings: LoginSettings) -> Self {
        Issuer {
            url: settings.issuer_url,
            client_id: settings.client_id,
            certificate_authority: settings.certificate_authority,
            scopes: SCOPES.to_owned(),
        }
    }
}

/// The issuer that the supervisor names to those who have not signed in.
pub(crate) async fn published(supervisor: &Supervisor) -> Result<Issuer> {
    let client = https::anonymous(supervisor)?;
    let maps: Api<ConfigMap> = Api::namespaced(client, NAMESPACE);
    let not_there =
        |why: &str| Error::failed(format!("{} does not say where to sign in: {why}", supervisor.host())).next(NEXT);
    match maps.get(NAME).await {
        Ok(map) => issuer(map.data.unwrap_or_default()).map_err(|why| not_there(&why)),
        Err(kube::Error::Api(status)) if status.code == 404 => {
            Err(not_there(&format!("there is no ConfigMap {NAMESPACE}/{NAME}")))
        }
        Err(kube::Error::Api(status)) if matches!(status.code, 401 | 403) => {
            Err(not_there("it tells nothing to those who have not signed in"))
        }
        Err(kube::Error::Api(status)) if status.message.is_empty() => Err(not_there(NO_KUBERNETES)),
        Err(error) => Err(supervisor.error(error)),
    }
}

fn issuer(mut data: BTreeMap<String, String>) -> std::result::Result<Issuer, String> {
    let mut required = |key: &str| {
        let value = data.remove(key).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("ConfigMap {NAMESPACE}/{NAME} has no {key}"))
    };
    let (url, client_id) = (required("issuer-url")?, required("client-id")?);
    let authority = data.remove("certificate-authority-data").map(|text| {
        let bytes = STANDARD.decode(text.trim()).ok();
        bytes
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| format!("certificate-authority-data of ConfigMap {NAMESPACE}/{NAME} is no PEM in base64"))
    });
    Ok(Issuer {
        url,
        client_id,
        certificate_authority: authority.transpose()?,
        scopes: data.remove("scopes").unwrap_or_else(|| SCOPES.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> std::result::Result<Issuer, String> {
        issuer(
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn the_issuer_is_read_and_what_is_missing_is_named() {
        let whole = [("issuer-url", "https://sso"), ("client-id", "guestclusters")];
        let found = read(&whole).unwrap();
        assert_eq!((found.url.as_str(), found.scopes.as_str()), ("https://sso", SCOPES));
        assert_eq!(found.certificate_authority, None);
        assert!(read(&whole[..1]).unwrap_err().contains("client-id"));
        assert!(read(&[]).unwrap_err().contains("issuer-url"));
        let broken = [whole[0], whole[1], ("certificate-authority-data", "%")];
        assert!(read(&broken).unwrap_err().contains("certificate-authority-data"));
    }
}
