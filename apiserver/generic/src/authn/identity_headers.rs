//! The headers in which a front proxy says who its client is.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

use super::{Refused, User};

/// What kube-apiserver and everything built like it call these headers: never a handler's business.
const USUAL_PREFIX: &str = "x-remote-";

/// The names of the headers that carry an identity.
#[derive(Debug)]
pub(super) struct IdentityHeaders {
    pub(super) username: Vec<HeaderName>,
    pub(super) uid: Vec<HeaderName>,
    pub(super) groups: Vec<HeaderName>,
    /// Lower case, not empty.
    pub(super) extra_prefixes: Vec<String>,
}

/// Removes the headers under the usual names.
pub(crate) fn strip_usual(headers: &mut HeaderMap) {
    strip(headers, |name| name.as_str().starts_with(USUAL_PREFIX));
}

impl IdentityHeaders {
    /// The user that the headers name; none without a name.
    pub(super) fn user(&self, headers: &HeaderMap) -> Result<Option<User>, Refused> {
        let Some(name) = first(headers, &self.username)? else {
            return Ok(None);
        };
        Ok(Some(User {
            name,
            uid: first(headers, &self.uid)?,
            groups: values(headers, &self.groups)?,
            extra: self.extra(headers)?,
        }))
    }

    /// Removes them.
    pub(super) fn strip(&self, headers: &mut HeaderMap) {
        strip(headers, |name| self.include(name));
    }

    fn include(&self, name: &HeaderName) -> bool {
        let exact = self.username.iter().chain(&self.uid).chain(&self.groups);
        exact.into_iter().any(|own| own == name) || self.extra_key(name).is_some()
    }

    fn extra(&self, headers: &HeaderMap) -> Result<BTreeMap<String, Vec<String>>, Refused> {
        let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in headers {
            if let Some(key) = self.extra_key(name) {
                let key = unescaped(key).ok_or_else(|| not_text(name))?;
                extra.entry(key).or_default().push(text(name, value)?.to_owned());
            }
        }
        Ok(extra)
    }

    fn extra_key<'a>(&self, name: &'a HeaderName) -> Option<&'a str> {
        let mut prefixes = self.extra_prefixes.iter();
        prefixes.find_map(|prefix| name.as_str().strip_prefix(prefix.as_str()))
    }
}

/// A key as it was before its characters that no header's name may have were escaped. One that is not escaped well is taken as
/// it is.
fn unescaped(key: &str) -> Option<String> {
    let mut escapes = key.split('%').skip(1);
    let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if escapes.all(is_escape) {
        percent_decode_str(key).decode_utf8().ok().map(Into::into)
    } else {
        Some(key.to_owned())
    }
}

fn strip(headers: &mut HeaderMap, is_identity: impl Fn(&HeaderName) -> bool) {
    let found: Vec<HeaderName> = headers.keys().filter(|name| is_identity(name)).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

fn first(headers: &HeaderMap, names: &[HeaderName]) -> Result<Option<String>, Refused> {
    for name in names {
        if let Some(value) = headers.get(name).filter(|value| !value.is_empty()) {
            return text(name, value).map(|text| Some(text.to_owned()));
        }
    }
    Ok(None)
}

fn values(headers: &HeaderMap, names: &[HeaderName]) -> Result<Vec<String>, Refused> {
    let mut found = Vec::new();
    for name in names {
        for value in headers.get_all(name).iter().filter(|value| !value.is_empty()) {
            found.push(text(name, value)?.to_owned());
        }
    }
    Ok(found)
}

/// Names are UTF-8, as kube-apiserver sends them.
fn text<'a>(name: &HeaderName, value: &'a HeaderValue) -> Result<&'a str, Refused> {
    std::str::from_utf8(value.as_bytes()).map_err(|_| not_text(name))
}

fn not_text(name: &HeaderName) -> Refused {
    Refused(format!("header {name} is not UTF-8"))
}
