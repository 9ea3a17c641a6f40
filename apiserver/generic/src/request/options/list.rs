//! Options of get, list and watch.

use std::time::Duration;

use super::{flag, integer};
use crate::{
    request::{
        Query,
        selector::{FieldSelector, LabelSelector},
    },
    status::{FieldError, Status},
    storage::Revision,
};

/// The `resourceVersion` parameter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResourceVersion {
    /// Absent: the newest state.
    #[default]
    Newest,
    /// `0`: any state.
    Any,
    /// A revision.
    At(Revision),
}

/// The `resourceVersionMatch` parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionMatch {
    /// Exactly that revision.
    Exact,
    /// That revision or a newer one.
    NotOlderThan,
}

/// What a list or a deletecollection selects, and how.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// Labels.
    pub labels: LabelSelector,
    /// Fields.
    pub fields: FieldSelector,
    /// Which state.
    pub resource_version: ResourceVersion,
    /// How [`ListOptions::resource_version`] binds.
    pub version_match: Option<VersionMatch>,
    /// Most objects of one answer.
    pub limit: Option<usize>,
    /// The token of the previous page.
    pub continue_token: Option<String>,
}

/// Whether a watch begins with the objects that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialEvents {
    /// Not said: by `resourceVersion`, as watches always did.
    ByVersion,
    /// `sendInitialEvents=true`.
    Send,
    /// `sendInitialEvents=false`.
    Skip,
}

/// What a watch selects, and how.
#[derive(Clone, Debug)]
pub struct WatchOptions {
    /// Labels.
    pub labels: LabelSelector,
    /// Fields.
    pub fields: FieldSelector,
    /// Where it begins.
    pub resource_version: ResourceVersion,
    /// Whether it begins with the objects that exist.
    pub initial_events: InitialEvents,
    /// Whether bookmarks are wanted.
    pub bookmarks: bool,
    /// When the server ends it.
    pub timeout: Option<Duration>,
}

impl ListOptions {
    /// Reads the query of a list or deletecollection.
    pub fn parse(query: &Query) -> Result<ListOptions, Status> {
        let limit = integer(query, "limit")?
            .and_then(|limit| usize::try_from(limit).ok())
            .filter(|limit| *limit > 0);
        integer(query, "timeoutSeconds")?;
        let (labels, fields) = selectors(query)?;
        check_list(query)?;
        Ok(ListOptions {
            labels,
            fields,
            resource_version: ResourceVersion::parse(query)?,
            version_match: match query.first("resourceVersionMatch") {
                Some("Exact") => Some(VersionMatch::Exact),
                Some("NotOlderThan") => Some(VersionMatch::NotOlderThan),
                _ => None,
            },
            limit,
            continue_token: given(query, "continue").map(str::to_owned),
        })
    }
}

impl WatchOptions {
    /// Reads the query of a watch.
    pub fn parse(query: &Query) -> Result<WatchOptions, Status> {
        let timeout = integer(query, "timeoutSeconds")?.and_then(|seconds| u64::try_from(seconds).ok());
        let (labels, fields) = selectors(query)?;
        check_watch(query)?;
        Ok(WatchOptions {
            labels,
            fields,
            resource_version: ResourceVersion::parse(query)?,
            initial_events: match flag(query, "sendInitialEvents") {
                None => InitialEvents::ByVersion,
                Some(true) => InitialEvents::Send,
                Some(false) => InitialEvents::Skip,
            },
            bookmarks: flag(query, "allowWatchBookmarks").unwrap_or(false),
            timeout: timeout.filter(|seconds| *seconds > 0).map(Duration::from_secs),
        })
    }
}

impl ResourceVersion {
    /// Reads the `resourceVersion` parameter.
    pub fn parse(query: &Query) -> Result<ResourceVersion, Status> {
        match query.first("resourceVersion") {
            None | Some("") => Ok(ResourceVersion::Newest),
            Some("0") => Ok(ResourceVersion::Any),
            Some(text) => match text.parse() {
                Ok(0) => Ok(ResourceVersion::Any),
                Ok(revision) => Ok(ResourceVersion::At(revision)),
                Err(_) => Err(Status::bad_request(format!(
                    "invalid resource version: resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \
                     \"{text}\": invalid syntax"
                ))),
            },
        }
    }

    /// Reads the query of a get, which has no other option that counts.
    pub fn parse_get(query: &Query) -> Result<ResourceVersion, Status> {
        ResourceVersion::parse(query)
    }
}

fn selectors(query: &Query) -> Result<(LabelSelector, FieldSelector), Status> {
    let labels = LabelSelector::parse(query.first("labelSelector").unwrap_or_default()).map_err(Status::bad_request)?;
    let fields = FieldSelector::parse(query.first("fieldSelector").unwrap_or_default()).map_err(Status::bad_request)?;
    Ok((labels, fields))
}

fn check_list(query: &Query) -> Result<(), Status> {
    const MATCH: &str = "resourceVersionMatch";
    let mut errors = Vec::new();
    if let Some(version_match) = given(query, MATCH) {
        let version = given(query, "resourceVersion");
        if version.is_none() {
            let detail = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            errors.push(FieldError::forbidden(MATCH, detail));
        }
        if given(query, "continue").is_some() {
            errors.push(FieldError::forbidden(
                MATCH,
                "resourceVersionMatch is forbidden when continue is provided",
            ));
        }
        if !matches!(version_match, "Exact" | "NotOlderThan") {
            errors.push(FieldError::not_supported(
                MATCH,
                version_match,
                &["Exact", "NotOlderThan", ""],
            ));
        }
        if version_match == "Exact" && version == Some("0") {
            let detail = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            errors.push(FieldError::forbidden(MATCH, detail));
        }
    }
    if query.has("sendInitialEvents") {
        errors.push(FieldError::forbidden(
            "sendInitialEvents",
            "sendInitialEvents is forbidden for list",
        ));
    }
    refuse(errors)?;
    if given(query, "continue").is_some() && given(query, "resourceVersion").is_some_and(|version| version != "0") {
        return Err(Status::bad_request(
            "specifying resource version is not allowed when using continue",
        ));
    }
    Ok(())
}

fn check_watch(query: &Query) -> Result<(), Status> {
    const MATCH: &str = "resourceVersionMatch";
    let mut errors = Vec::new();
    let version_match = given(query, MATCH);
    let initial = query.has("sendInitialEvents");
    if initial && version_match != Some("NotOlderThan") {
        let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        errors.push(FieldError::forbidden(MATCH, detail));
    }
    if let Some(version_match) = version_match {
        if !initial {
            let detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            errors.push(FieldError::forbidden(MATCH, detail));
        }
        if version_match != "NotOlderThan" {
            errors.push(FieldError::not_supported(MATCH, version_match, &["NotOlderThan"]));
        }
        if given(query, "continue").is_some() {
            errors.push(FieldError::forbidden(
                MATCH,
                "resourceVersionMatch is forbidden when continue is provided",
            ));
        }
    }
    refuse(errors)
}

fn refuse(errors: Vec<FieldError>) -> Result<(), Status> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Status::invalid_options("ListOptions", errors))
    }
}

fn given<'a>(query: &'a Query, name: &str) -> Option<&'a str> {
    query.first(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list_error(query: &str) -> (u16, String) {
        let status = ListOptions::parse(&Query::parse(query)).unwrap_err();
        (status.code, status.message)
    }

    fn watch_error(query: &str) -> (u16, String) {
        let status = WatchOptions::parse(&Query::parse(query)).unwrap_err();
        (status.code, status.message)
    }

    #[test]
    fn refuses_lists_with_the_words_of_list_options() {
        let prefix = "ListOptions.meta.k8s.io \"\" is invalid: ";
        let cases = [
            (
                "resourceVersionMatch=Exact",
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
            ),
            (
                "resourceVersionMatch=Exact&resourceVersion=0",
                "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            ),
            (
                "resourceVersionMatch=NotOlderThan&resourceVersion=4&continue=x",
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided",
            ),
            (
                "resourceVersionMatch=Newer&resourceVersion=4",
                "resourceVersionMatch: Unsupported value: \"Newer\": supported values: \"Exact\", \"NotOlderThan\", \"\"",
            ),
            (
                "sendInitialEvents=true",
                "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
            ),
        ];
        for (query, message) in cases {
            assert_eq!(list_error(query), (422, format!("{prefix}{message}")), "{query}");
        }
    }

    #[test]
    fn refuses_bad_values_with_400() {
        for query in [
            "limit=x",
            "labelSelector=a%20b",
            "fieldSelector=a",
            "resourceVersion=abc",
            "resourceVersion=-1",
        ] {
            assert_eq!(list_error(query).0, 400, "{query}");
        }
        assert_eq!(
            list_error("continue=x&resourceVersion=4").1,
            "specifying resource version is not allowed when using continue"
        );
        assert_eq!(
            list_error("resourceVersion=abc").1,
            "invalid resource version: resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": \
             invalid syntax"
        );
    }

    #[test]
    fn refuses_watches_that_would_hang_an_informer() {
        assert_eq!(
            watch_error("sendInitialEvents=true").1,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting \
             resourceVersionMatch to NotOlderThan"
        );
        assert_eq!(
            watch_error("resourceVersionMatch=NotOlderThan").1,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden \
             for watch unless sendInitialEvents is provided"
        );
    }

    #[test]
    fn reads_a_watch_list() {
        let query =
            "allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&sendInitialEvents=true&timeoutSeconds=300";
        let options = WatchOptions::parse(&Query::parse(query)).unwrap();
        assert!(options.bookmarks);
        assert_eq!(options.initial_events, InitialEvents::Send);
        assert_eq!(options.timeout, Some(Duration::from_mins(5)));
        assert_eq!(options.resource_version, ResourceVersion::Newest);
    }
}
