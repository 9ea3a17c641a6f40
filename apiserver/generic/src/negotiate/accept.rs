//! The `Accept` header of resource requests.

use http::HeaderMap;

use super::MediaType;
use crate::{request::Query, status::Status};

/// What an answer shows, for negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// One object.
    Item,
    /// A list.
    List,
    /// A stream of events.
    Watch,
}

/// The form that a client asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The object itself.
    #[default]
    Object,
    /// A `Table`.
    Table(TableOptions),
    /// `PartialObjectMetadata`, or its list.
    Metadata(MetaVersion),
}

/// What a table is to be like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// What its rows carry.
    pub include: IncludeObject,
    /// Its version, and that of the metadata in its rows.
    pub version: MetaVersion,
}

/// The versions of `meta.k8s.io` in which tables and metadata are written. They differ in nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetaVersion {
    /// `v1`.
    #[default]
    V1,
    /// `v1beta1`.
    V1Beta1,
}

impl MetaVersion {
    /// What objects carry as `apiVersion`.
    pub fn api_version(self) -> &'static str {
        match self {
            MetaVersion::V1 => "meta.k8s.io/v1",
            MetaVersion::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }

    /// How a `PartialObjectMetadata` begins, up to the value of its metadata.
    pub fn partial_start(self) -> &'static str {
        match self {
            MetaVersion::V1 => r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":"#,
            MetaVersion::V1Beta1 => r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1beta1","metadata":"#,
        }
    }

    fn named(version: &str) -> Option<MetaVersion> {
        match version {
            "v1" => Some(MetaVersion::V1),
            "v1beta1" => Some(MetaVersion::V1Beta1),
            _ => None,
        }
    }
}

/// What a table's rows carry beside their cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// The metadata.
    #[default]
    Metadata,
    /// The object.
    Object,
}

/// The negotiated serialization and form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Serialization.
    pub media: MediaType,
    /// Form.
    pub form: Form,
}

const ACCEPTED: [&str; 2] = ["application/json", "application/yaml"];
const ACCEPTED_STREAMS: [&str; 1] = ["application/json;stream=watch"];

impl Accepted {
    /// Finds the first clause, by quality and then by order, that the server can write. 406 when there is none.
    pub fn negotiate(headers: &HeaderMap, query: &Query, answered: Answered) -> Result<Accepted, Status> {
        let mut clauses = clauses(headers);
        clauses.sort_by(|a, b| b.quality.total_cmp(&a.quality));
        let accepted = clauses.iter().find_map(|clause| clause.accept(answered));
        let Some((media, form)) = accepted else {
            return Err(Status::not_acceptable(if answered == Answered::Watch {
                &ACCEPTED_STREAMS
            } else {
                &ACCEPTED
            }));
        };
        let form = match form {
            Asked::Object => Form::Object,
            Asked::Table(version) => Form::Table(TableOptions {
                include: include_object(query)?,
                version,
            }),
            Asked::Metadata(_) if answered == Answered::List => {
                return Err(mismatch(
                    "you requested PartialObjectMetadata, but the requested object is a list",
                ));
            }
            Asked::MetadataList(_) if answered != Answered::List => {
                return Err(mismatch(
                    "you requested PartialObjectMetadataList, but the requested object is not a list",
                ));
            }
            Asked::Metadata(version) | Asked::MetadataList(version) => Form::Metadata(version),
        };
        Ok(Accepted { media, form })
    }

    /// The serialization for an error, which is never refused.
    pub fn for_status(headers: &HeaderMap) -> MediaType {
        let mut clauses = clauses(headers);
        clauses.sort_by(|a, b| b.quality.total_cmp(&a.quality));
        clauses
            .iter()
            .filter_map(|clause| clause.accept(Answered::Item))
            // An error is never made a table.
            .find(|(_, asked)| matches!(asked, Asked::Object))
            .map_or(MediaType::Json, |(media, _)| media)
    }
}

enum Asked {
    Object,
    Table(MetaVersion),
    Metadata(MetaVersion),
    MetadataList(MetaVersion),
}

struct Clause<'a> {
    media: &'a str,
    quality: f32,
    kind: Option<&'a str>,
    group: Option<&'a str>,
    version: Option<&'a str>,
}

fn clauses(headers: &HeaderMap) -> Vec<Clause<'_>> {
    let values = headers
        .get_all(http::header::ACCEPT)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    let clauses: Vec<Clause<'_>> = values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|c| !c.is_empty())
        .map(parse_clause)
        .collect();
    if clauses.is_empty() {
        vec![parse_clause("*/*")]
    } else {
        clauses
    }
}

fn parse_clause(text: &str) -> Clause<'_> {
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let mut clause = Clause {
        media,
        quality: 1.0,
        kind: None,
        group: None,
        version: None,
    };
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match name.trim() {
            "q" => clause.quality = value.parse().unwrap_or(1.0),
            "as" => clause.kind = Some(value),
            "g" => clause.group = Some(value),
            "v" => clause.version = Some(value),
            _ => {}
        }
    }
    clause
}

impl Clause<'_> {
    fn accept(&self, answered: Answered) -> Option<(MediaType, Asked)> {
        let media = match self.media {
            "*/*" | "application/*" | "application/json" => MediaType::Json,
            "application/yaml" if answered != Answered::Watch => MediaType::Yaml,
            _ => return None,
        };
        if self.quality <= 0.0 {
            return None;
        }
        let Some(kind) = self.kind else {
            return Some((media, Asked::Object));
        };
        if self.group != Some("meta.k8s.io") {
            return None;
        }
        let version = self.version.and_then(MetaVersion::named)?;
        let asked = match kind {
            "Table" => Asked::Table(version),
            "PartialObjectMetadata" => Asked::Metadata(version),
            "PartialObjectMetadataList" => Asked::MetadataList(version),
            _ => return None,
        };
        Some((media, asked))
    }
}

fn include_object(query: &Query) -> Result<IncludeObject, Status> {
    match query.first("includeObject") {
        None | Some("" | "Metadata") => Ok(IncludeObject::Metadata),
        Some("None") => Ok(IncludeObject::None),
        Some("Object") => Ok(IncludeObject::Object),
        Some(other) => Err(Status::bad_request(format!(
            "Unable to convert to Table as requested: includeObject: Invalid value: \"{other}\": must be 'Metadata', \
             'Object', 'None', or empty"
        ))),
    }
}

fn mismatch(message: &str) -> Status {
    let mut status = Status::not_acceptable(&[]);
    message.clone_into(&mut status.message);
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiate(accept: &str, answered: Answered) -> Result<Accepted, Status> {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(http::header::ACCEPT, accept.parse().unwrap());
        }
        Accepted::negotiate(&headers, &Query::default(), answered)
    }

    fn plain(media: MediaType, form: Form) -> Accepted {
        Accepted { media, form }
    }

    #[test]
    fn the_best_clause_wins() {
        let cases = [
            ("", plain(MediaType::Json, Form::Object)),
            ("*/*", plain(MediaType::Json, Form::Object)),
            ("application/yaml", plain(MediaType::Yaml, Form::Object)),
            (
                "application/json;q=0.5, application/yaml",
                plain(MediaType::Yaml, Form::Object),
            ),
            (
                "application/vnd.kubernetes.protobuf,application/json",
                plain(MediaType::Json, Form::Object),
            ),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
                plain(MediaType::Json, Form::Table(TableOptions::default())),
            ),
            (
                "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                plain(
                    MediaType::Json,
                    Form::Table(TableOptions {
                        include: IncludeObject::Metadata,
                        version: MetaVersion::V1Beta1,
                    }),
                ),
            ),
            (
                "application/json;as=Table;v=v1alpha1;g=meta.k8s.io,application/json",
                plain(MediaType::Json, Form::Object),
            ),
            (
                "application/json;as=Other;v=v1;g=meta.k8s.io,application/json",
                plain(MediaType::Json, Form::Object),
            ),
            (
                "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,\
                 application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
                plain(MediaType::Json, Form::Metadata(MetaVersion::V1)),
            ),
        ];
        for (accept, expected) in cases {
            assert_eq!(negotiate(accept, Answered::Item).unwrap(), expected, "{accept}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_406() {
        let refused = negotiate("application/vnd.kubernetes.protobuf", Answered::List).unwrap_err();
        assert_eq!(
            (refused.code, refused.message.as_str()),
            (
                406,
                "only the following media types are accepted: application/json, application/yaml"
            )
        );
        let refused = negotiate("application/yaml", Answered::Watch).unwrap_err();
        assert_eq!(
            refused.message,
            "only the following media types are accepted: application/json;stream=watch"
        );
        let partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
        let refused = negotiate(partial, Answered::List).unwrap_err();
        assert!(
            refused.message.starts_with("you requested PartialObjectMetadata"),
            "{}",
            refused.message
        );
        assert_eq!(refused.code, 406);
    }

    #[test]
    fn include_object_is_checked() {
        let headers: HeaderMap = [(
            http::header::ACCEPT,
            "application/json;as=Table;v=v1;g=meta.k8s.io".parse().unwrap(),
        )]
        .into_iter()
        .collect();
        let with = |query: &str| Accepted::negotiate(&headers, &Query::parse(query), Answered::List);
        assert_eq!(
            with("includeObject=None").unwrap().form,
            Form::Table(TableOptions {
                include: IncludeObject::None,
                version: MetaVersion::V1,
            })
        );
        let refused = with("includeObject=x").unwrap_err();
        assert_eq!(
            refused.message,
            "Unable to convert to Table as requested: includeObject: Invalid value: \"x\": must be 'Metadata', 'Object', \
             'None', or empty"
        );
    }
}
