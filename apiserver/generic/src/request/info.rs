//! `RequestInfo`: which verb on which resource a request means, as apiserver's `RequestInfoFactory` reads it.

use http::Method;
use percent_encoding::percent_decode_str;

use super::Query;

/// What a request asks for. Everything that follows (authorization, routing, metrics) goes by this and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// Whether the path names a resource: `/api/V/...`, `/apis/G/V/...`.
    pub is_resource: bool,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection` (empty for any other method on a
    /// resource), or the lower-case HTTP method for a path that is no resource.
    pub verb: String,
    /// API group, empty for core.
    pub group: String,
    /// API version.
    pub version: String,
    /// Plural name of the resource.
    pub resource: String,
    /// Subresource, or empty.
    pub subresource: String,
    /// Namespace, or empty. A request for a namespace object itself carries it in `name` too.
    pub namespace: String,
    /// Name, or empty. For list and watch, the name that `fieldSelector=metadata.name=NAME` asks for.
    pub name: String,
    /// The decoded path.
    pub path: String,
    /// The query.
    pub query: Query,
    /// Path segments after the subresource: no resource here has any.
    pub rest: Vec<String>,
}

impl RequestInfo {
    /// Reads a request line. Total: a path that makes no sense is a resource or path nobody serves.
    pub fn parse(method: &Method, uri: &http::Uri) -> RequestInfo {
        let path = percent_decode_str(uri.path()).decode_utf8_lossy();
        let query = Query::parse(uri.query().unwrap_or_default());
        let base = RequestInfo {
            verb: method.as_str().to_ascii_lowercase(),
            query,
            ..RequestInfo::default()
        };
        let mut info = parse_path(method, &path, base);
        info.path = path.into_owned();
        info
    }

    /// Whether it stays open until somebody ends it: exempt from the deadline and the in-flight limits.
    pub fn is_long_running(&self) -> bool {
        self.is_resource && self.verb == "watch"
    }

    /// Whether it only reads.
    pub fn is_read_only(&self) -> bool {
        matches!(self.verb.as_str(), "get" | "list" | "watch" | "head" | "options")
    }

    /// `group/version`, or `version` alone for core.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

fn parse_path(method: &Method, path: &str, base: RequestInfo) -> RequestInfo {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["api", version, rest @ ..] if !rest.is_empty() => parse_resource(method, "", version, rest, base),
        ["apis", group, version, rest @ ..] if !group.is_empty() && !rest.is_empty() => {
            parse_resource(method, group, version, rest, base)
        }
        _ => base,
    }
}

/// `rest` is what follows `/apis/G/V`; never empty.
fn parse_resource(method: &Method, group: &str, version: &str, rest: &[&str], base: RequestInfo) -> RequestInfo {
    let (verb, rest) = match rest {
        ["watch", rest @ ..] => ("watch", rest),
        rest => (verb_of(method), rest),
    };
    let (namespace, rest) = split_namespace(rest);
    let part = |index: usize| rest.get(index).copied().unwrap_or_default().to_owned();
    let mut info = RequestInfo {
        is_resource: true,
        verb: verb.to_owned(),
        group: group.to_owned(),
        version: version.to_owned(),
        resource: part(0),
        name: part(1),
        subresource: part(2),
        namespace: namespace.to_owned(),
        rest: rest.iter().skip(3).map(|&segment| segment.to_owned()).collect(),
        ..base
    };
    if info.name.is_empty() {
        widen_to_collection(&mut info);
    }
    info
}

fn verb_of(method: &Method) -> &'static str {
    match *method {
        Method::GET | Method::HEAD => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "",
    }
}

/// `namespaces/NS/RESOURCE...` is a resource in a namespace; `namespaces/NS` and its own subresources are the namespace.
fn split_namespace<'a>(rest: &'a [&'a str]) -> (&'a str, &'a [&'a str]) {
    match rest {
        ["namespaces", namespace, "status" | "finalize", ..] | ["namespaces", namespace] => (namespace, rest),
        ["namespaces", namespace, inner @ ..] => (namespace, inner),
        _ => ("", rest),
    }
}

/// Without a name in the path, a get is a list or a watch, and a delete is of the collection.
fn widen_to_collection(info: &mut RequestInfo) {
    match info.verb.as_str() {
        "get" => {
            let verb = if asks_for_watch(&info.query) { "watch" } else { "list" };
            verb.clone_into(&mut info.verb);
            info.name = info
                .query
                .first("fieldSelector")
                .and_then(selected_name)
                .unwrap_or_default();
        }
        "delete" => "deletecollection".clone_into(&mut info.verb),
        _ => {}
    }
}

fn asks_for_watch(query: &Query) -> bool {
    query
        .first("watch")
        .is_some_and(|value| !value.eq_ignore_ascii_case("false") && value != "0")
}

/// The name that a field selector requires by `metadata.name=NAME`, if it could be one.
fn selected_name(selector: &str) -> Option<String> {
    let term = split_unescaped(selector).into_iter().find_map(|term| {
        let value = term.strip_prefix("metadata.name")?.strip_prefix('=')?;
        Some(value.strip_prefix('=').unwrap_or(value).to_owned())
    })?;
    let name = unescape(&term);
    let possible = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '%']);
    possible.then_some(name)
}

/// Splits at commas that no backslash escapes.
fn split_unescaped(selector: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (index, character) in selector.char_indices() {
        if character == ',' && !escaped {
            terms.push(&selector[start..index]);
            start = index + 1;
        }
        escaped = character == '\\' && !escaped;
    }
    terms.push(&selector[start..]);
    terms
}

fn unescape(value: &str) -> String {
    let mut characters = value.chars();
    let mut plain = String::with_capacity(value.len());
    while let Some(character) = characters.next() {
        plain.push(if character == '\\' {
            characters.next().unwrap_or('\\')
        } else {
            character
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> RequestInfo {
        let (method, uri) = line.split_once(' ').unwrap();
        RequestInfo::parse(&method.parse().unwrap(), &uri.parse().unwrap())
    }

    /// verb group version namespace resource name subresource, `-` for empty.
    fn summary(line: &str) -> String {
        let info = parse(line);
        assert!(info.is_resource, "{line}");
        let fields = [
            info.verb,
            info.group,
            info.version,
            info.namespace,
            info.resource,
            info.name,
            info.subresource,
        ];
        fields
            .map(|field| if field.is_empty() { "-".to_owned() } else { field })
            .join(" ")
    }

    #[test]
    fn resource_requests() {
        let cases = [
            ("GET /api/v1/namespaces", "list - v1 - namespaces - -"),
            ("GET /api/v1/namespaces/a", "get - v1 a namespaces a -"),
            ("PUT /api/v1/namespaces/a/status", "update - v1 a namespaces a status"),
            (
                "PUT /api/v1/namespaces/a/finalize",
                "update - v1 a namespaces a finalize",
            ),
            ("GET /api/v1/namespaces/a/secrets", "list - v1 a secrets - -"),
            ("HEAD /api/v1/namespaces/a/secrets/s", "get - v1 a secrets s -"),
            ("GET /api/v1/nodes/n", "get - v1 - nodes n -"),
            (
                "POST /apis/g.io/v1/namespaces/a/widgets",
                "create g.io v1 a widgets - -",
            ),
            (
                "PUT /apis/g.io/v1/namespaces/a/widgets/w",
                "update g.io v1 a widgets w -",
            ),
            (
                "PATCH /apis/g.io/v1/namespaces/a/widgets/w/status",
                "patch g.io v1 a widgets w status",
            ),
            (
                "DELETE /apis/g.io/v1/namespaces/a/widgets/w",
                "delete g.io v1 a widgets w -",
            ),
            (
                "DELETE /apis/g.io/v1/namespaces/a/widgets",
                "deletecollection g.io v1 a widgets - -",
            ),
            ("GET /apis/g.io/v1/widgets?watch=true", "watch g.io v1 - widgets - -"),
            ("GET /apis/g.io/v1/widgets?watch=1", "watch g.io v1 - widgets - -"),
            ("GET /apis/g.io/v1/widgets?watch", "watch g.io v1 - widgets - -"),
            ("GET /apis/g.io/v1/widgets?watch=0", "list g.io v1 - widgets - -"),
            ("GET /apis/g.io/v1/widgets?watch=False", "list g.io v1 - widgets - -"),
            (
                "GET /apis/g.io/v1/namespaces/a/widgets/w?watch=true",
                "get g.io v1 a widgets w -",
            ),
            (
                "GET /apis/g.io/v1/watch/namespaces/a/widgets",
                "watch g.io v1 a widgets - -",
            ),
            (
                "GET /apis/g.io/v1/watch/namespaces/a/widgets/w",
                "watch g.io v1 a widgets w -",
            ),
            ("GET /apis/g.io/v1/watch/widgets", "watch g.io v1 - widgets - -"),
            ("OPTIONS /apis/g.io/v1/widgets", "- g.io v1 - widgets - -"),
            ("GET /apis/g.io/v1/widgets/a%20b", "get g.io v1 - widgets a b -"),
        ];
        for (line, expected) in cases {
            assert_eq!(summary(line), expected, "{line}");
        }
    }

    #[test]
    fn a_field_selector_on_the_name_names_the_object() {
        let cases = [
            (
                "GET /api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Dx",
                "list - v1 a secrets x -",
            ),
            (
                "GET /api/v1/namespaces/a/secrets?watch=1&fieldSelector=metadata.name==x",
                "watch - v1 a secrets x -",
            ),
            (
                "GET /api/v1/secrets?fieldSelector=type=T,metadata.name=x",
                "list - v1 - secrets x -",
            ),
            (
                "GET /api/v1/secrets?fieldSelector=metadata.name!=x",
                "list - v1 - secrets - -",
            ),
            (
                "GET /api/v1/secrets?fieldSelector=metadata.name=a/b",
                "list - v1 - secrets - -",
            ),
            (
                "GET /api/v1/secrets?fieldSelector=metadata.namespace=x",
                "list - v1 - secrets - -",
            ),
            (
                r"GET /api/v1/secrets?fieldSelector=type=a%5C,metadata.name=x",
                "list - v1 - secrets - -",
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(summary(line), expected, "{line}");
        }
    }

    #[test]
    fn other_paths_carry_the_method() {
        for path in [
            "/",
            "/api",
            "/api/v1",
            "/apis",
            "/apis/g",
            "/apis/g/v1",
            "/apis/g/v1/",
            "/apis//v1/secrets",
            "/healthz",
            "/openapi/v3/apis/g/v1",
        ] {
            let info = parse(&format!("GET {path}"));
            assert!(!info.is_resource, "{path}");
            assert_eq!((info.verb.as_str(), info.path.as_str()), ("get", path));
        }
        assert_eq!(parse("POST /version").verb, "post");
    }

    #[test]
    fn only_watches_are_long_running() {
        assert!(parse("GET /api/v1/pods?watch=true").is_long_running());
        assert!(!parse("GET /api/v1/pods").is_long_running());
        assert!(parse("GET /api/v1/pods").is_read_only());
        assert!(!parse("DELETE /api/v1/pods").is_read_only());
    }

    #[test]
    fn odd_paths_are_requests_for_what_nobody_serves() {
        assert_eq!(parse("GET /apis/g/v1/watch").resource, "");
        assert_eq!(parse("GET /api/v1/a/b/c/d/e").rest, ["d", "e"]);
        let _ = parse("GET /api/v1/%ff%fe?%zz=%&&=");
    }
}
