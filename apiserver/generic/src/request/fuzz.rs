use http::{Method, Uri};
use near_inputs::near_text;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::{prelude::*, sample::select};

use super::{
    Query, RequestInfo,
    options::{ListOptions, PatchType, ResourceVersion, WatchOptions, WriteOptions},
};

const TARGETS: [&str; 9] = [
    "/",
    "/api/v1/namespaces/team-a/pods/p/log?container=c",
    "/apis/guestclusters.dev/v1alpha1/namespaces/team-a/guestclusters/dev/scale?dryRun=All&fieldManager=x",
    "/api/v1/watch/namespaces/a/pods?resourceVersion=7&timeoutSeconds=5",
    "/apis/demo.example.io/v1/widgets?watch=true&allowWatchBookmarks=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
    "/api/v1/pods?limit=500&continue=abc&labelSelector=a%3Db&fieldSelector=metadata.name%3Dx&resourceVersion=0",
    "/api/v1/namespaces/a/pods?fieldValidation=Strict&force=true&dryRun=All&dryRun=All",
    "/apis//v1/../%2e%2e/%ff?%zz&=&a=+b",
    "/openapi/v3/apis/g/v?hash=AB&timeout=32s&pretty=true",
];
const PARTS: [&str; 14] = [
    "/",
    "//",
    "?",
    "&",
    "=",
    "%",
    "%2F",
    "+",
    "watch",
    "namespaces",
    "limit=",
    "resourceVersion=",
    "timeoutSeconds=",
    "proxy",
];

proptest! {
    #[test]
    fn fuzz_targets_near_right_ones(target in near_text(&TARGETS, &PARTS), method in select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "BREW"])) {
        let Ok(uri) = target.parse::<Uri>() else { return Ok(()) };
        let method: Method = method.parse().map_err(|_| TestCaseError::fail("a method"))?;
        let info = RequestInfo::parse(&method, &uri);
        prop_assert!(!info.is_resource || !info.version.is_empty() || info.path.contains("//"), "{info:?}");
        prop_assert!(info.is_resource || info.resource.is_empty() && info.name.is_empty(), "{info:?}");
        prop_assert!(!info.is_long_running() || info.is_resource);
        let query = &info.query;
        for status in [
            ListOptions::parse(query).err(),
            WatchOptions::parse(query).err(),
            ResourceVersion::parse_get(query).err(),
            WriteOptions::parse_create(query, "agent/1").err(),
            WriteOptions::parse_update(query, "").err(),
            WriteOptions::parse_patch(query, &target, PatchType::Apply).err(),
        ]
        .into_iter()
        .flatten()
        {
            prop_assert!([400, 422].contains(&status.code), "{status:?}");
        }
    }

    #[test]
    fn fuzz_queries_are_read_as_the_url_standard_says(pairs in proptest::collection::vec(("[a-z é&=%+]{1,6}", "[a-z é&=%+\\\\]{0,6}"), 0..6)) {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let written: Vec<_> = pairs.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
        let text = written.join("&").replace("%20", "+");
        let query = Query::parse(&text);
        let found: Vec<_> = query.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        prop_assert_eq!(found, pairs);
    }
}
