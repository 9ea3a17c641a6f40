//! Acting as somebody else: the `Impersonate-*` headers.

mod modes;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;

use super::User;
use crate::{authz::Access, request::RequestInfo, status::Status};

/// All of them begin so.
const PREFIX: &str = "impersonate-";
const USER: HeaderName = HeaderName::from_static("impersonate-user");
const GROUP: HeaderName = HeaderName::from_static("impersonate-group");
const UID: HeaderName = HeaderName::from_static("impersonate-uid");
const EXTRA_PREFIX: &str = "impersonate-extra-";

/// Whom a request acts as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Impersonated {
    pub(crate) user: User,
    /// The verb that allowed it, where that is one for some requests only, such as `impersonate:user-info`.
    pub(crate) constraint: Option<&'static str>,
}

/// Who the request wants to act as, checked and with the headers removed; none when it does not ask to. 403 when the
/// requestor may not, 400 when the headers name no user.
pub(crate) async fn impersonate(
    headers: &mut HeaderMap,
    info: &RequestInfo,
    requestor: Access<'_>,
) -> Result<Option<Impersonated>, Status> {
    match Wanted::take(headers)? {
        Some(wanted) => modes::authorize(&wanted, info, requestor).await.map(Some),
        None => Ok(None),
    }
}

/// Whether there is any of the headers.
pub(crate) fn wants_to_impersonate(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with(PREFIX))
}

/// Who is asked for, as the headers say it.
#[derive(Debug)]
struct Wanted {
    user: String,
    uid: Option<String>,
    groups: Vec<String>,
    extra: BTreeMap<String, Vec<String>>,
}

impl Wanted {
    fn take(headers: &mut HeaderMap) -> Result<Option<Wanted>, Status> {
        let first = |values: Vec<String>| values.into_iter().next().filter(|value| !value.is_empty());
        let user = first(take(headers, &USER)?);
        let groups = take(headers, &GROUP)?;
        let uid = first(take(headers, &UID)?);
        let extra = take_extra(headers)?;
        let is_named = user.is_some();
        let wanted = Wanted {
            user: user.unwrap_or_default(),
            uid,
            groups,
            extra,
        };
        if !is_named && !wanted.is_only_a_name() {
            return Err(Status::bad_request(format!(
                "requested {wanted} without impersonating a user name"
            )));
        }
        Ok(is_named.then_some(wanted))
    }

    fn is_only_a_name(&self) -> bool {
        self.uid.is_none() && self.groups.is_empty() && self.extra.is_empty()
    }
}

/// As kube-apiserver prints it: in Go's syntax.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uid = self.uid.as_deref().unwrap_or_default();
        write!(f, "&user.DefaultInfo{{Name:{:?}, UID:{uid:?}, Groups:", self.user)?;
        match self.groups.as_slice() {
            [] => f.write_str("[]string(nil)")?,
            groups => write_texts(f, groups)?,
        }
        f.write_str(", Extra:map[string][]string")?;
        if self.extra.is_empty() {
            return f.write_str("(nil)}");
        }
        f.write_str("{")?;
        for (position, (key, values)) in self.extra.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{key:?}:")?;
            write_texts(f, values)?;
        }
        f.write_str("}}")
    }
}

fn write_texts(f: &mut fmt::Formatter<'_>, texts: &[String]) -> fmt::Result {
    let texts: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    write!(f, "[]string{{{}}}", texts.join(", "))
}

fn take(headers: &mut HeaderMap, name: &HeaderName) -> Result<Vec<String>, Status> {
    let values: Result<Vec<String>, _> = headers
        .get_all(name)
        .iter()
        .map(|value| value.to_str().map(str::to_owned))
        .collect();
    headers.remove(name);
    values.map_err(|_| Status::bad_request(format!("header {name} is not plain text")))
}

fn take_extra(headers: &mut HeaderMap) -> Result<BTreeMap<String, Vec<String>>, Status> {
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with(EXTRA_PREFIX))
        .cloned()
        .collect();
    let mut extra = BTreeMap::new();
    for name in names {
        let key = percent_decode_str(&name.as_str()[EXTRA_PREFIX.len()..])
            .decode_utf8_lossy()
            .into_owned();
        extra.insert(key, take(headers, &name)?);
    }
    Ok(extra)
}
