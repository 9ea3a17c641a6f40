//! Which providers a resource has.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    file::{self, File},
    provider::Provider,
};

/// `EncryptionConfiguration` of `apiserver.config.k8s.io/v1`, checked.
#[derive(Debug)]
pub struct EncryptionConfiguration {
    rules: Vec<Rule>,
}

/// A configuration that can't be used; says where, never a key.
#[derive(Debug, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct InvalidEncryption {
    at: String,
    problem: String,
}

#[derive(Debug)]
struct Rule {
    resources: Vec<String>,
    /// The first one writes.
    providers: Vec<Provider>,
}

impl EncryptionConfiguration {
    /// Reads the YAML text of a file.
    ///
    /// # Errors
    /// [`InvalidEncryption`] for another kind of document, providers that are not supported, and keys of a wrong size.
    pub fn from_yaml(yaml: &str) -> Result<Self, InvalidEncryption> {
        // The parser's own words may show a line of the file, and so a key.
        let file: File = serde_saphyr::from_str(yaml).map_err(|_| {
            invalid(
                "file",
                "not an EncryptionConfiguration, or with a field or provider that is not known here",
            )
        })?;
        if file.api_version != "apiserver.config.k8s.io/v1" || file.kind != "EncryptionConfiguration" {
            let expected = "apiVersion apiserver.config.k8s.io/v1 and kind EncryptionConfiguration are expected";
            return Err(invalid("file", expected));
        }
        if file.resources.is_empty() {
            return Err(invalid("resources", "required"));
        }
        let rules = file.resources.into_iter().enumerate();
        let rules = rules.map(|(number, rule)| Rule::read(&format!("resources[{number}]"), rule));
        Ok(Self {
            rules: rules.collect::<Result<_, _>>()?,
        })
    }

    /// The providers for a key of a store; none where nothing is said of its resource.
    pub(super) fn providers(&self, key: &str) -> &[Provider] {
        let mut parts = key.splitn(3, '/');
        let (Some(group), Some(resource)) = (parts.next(), parts.next()) else {
            return &[];
        };
        let rule = self.rules.iter().find(|rule| rule.names(group, resource));
        rule.map_or(&[], |rule| &rule.providers)
    }
}

impl Rule {
    fn read(at: &str, rule: file::Resources) -> Result<Self, InvalidEncryption> {
        if rule.resources.is_empty() {
            return Err(invalid(&format!("{at}.resources"), "required"));
        }
        let mut providers = Vec::new();
        for (number, provider) in rule.providers.into_iter().enumerate() {
            read_provider(&format!("{at}.providers[{number}]"), provider, &mut providers)?;
        }
        if providers.is_empty() {
            return Err(invalid(&format!("{at}.providers"), "required"));
        }
        Ok(Self {
            resources: rule.resources,
            providers,
        })
    }

    /// By `secrets`, `guestclusters.guestclusters.dev`, `*.` (the core group), `*.group` or `*.*`.
    fn names(&self, group: &str, resource: &str) -> bool {
        let group = if group == "core" { "" } else { group };
        self.resources.iter().any(|name| {
            let (named, of) = name.split_once('.').unwrap_or((name, ""));
            name == "*.*" || (of == group && (named == "*" || named == resource))
        })
    }
}

fn read_provider(at: &str, provider: file::Provider, out: &mut Vec<Provider>) -> Result<(), InvalidEncryption> {
    match provider {
        file::Provider {
            aesgcm: Some(keys),
            secretbox: None,
            identity: None,
            aescbc: None,
            kms: None,
        } => read_keys(&format!("{at}.aesgcm"), keys, Provider::aes_gcm, out),
        file::Provider {
            aesgcm: None,
            secretbox: Some(keys),
            identity: None,
            aescbc: None,
            kms: None,
        } => read_keys(&format!("{at}.secretbox"), keys, Provider::secretbox, out),
        file::Provider {
            aesgcm: None,
            secretbox: None,
            identity: Some(_),
            aescbc: None,
            kms: None,
        } => {
            out.push(Provider::Identity);
            Ok(())
        }
        _ => Err(invalid(
            at,
            "one of aesgcm, secretbox and identity is expected; aescbc and kms are not supported",
        )),
    }
}

fn read_keys(
    at: &str,
    keys: file::Keys,
    make: impl Fn(&str, &[u8]) -> Result<Provider, &'static str>,
    out: &mut Vec<Provider>,
) -> Result<(), InvalidEncryption> {
    if keys.keys.is_empty() {
        return Err(invalid(&format!("{at}.keys"), "required"));
    }
    for (number, key) in keys.keys.into_iter().enumerate() {
        let at = format!("{at}.keys[{number}]");
        if key.name.is_empty() || key.name.contains(':') {
            return Err(invalid(&format!("{at}.name"), "required, without a colon"));
        }
        let at = format!("{at}.secret");
        let secret = BASE64_STANDARD.decode(key.secret.trim());
        let secret = secret.map_err(|_| invalid(&at, "not base64"))?;
        out.push(make(&key.name, &secret).map_err(|problem| invalid(&at, problem))?);
    }
    Ok(())
}

fn invalid(at: &str, problem: &str) -> InvalidEncryption {
    InvalidEncryption {
        at: at.to_owned(),
        problem: problem.to_owned(),
    }
}
