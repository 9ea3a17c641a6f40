use http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT, CONTENT_TYPE},
};
use near_inputs::near_text;
use proptest::prelude::*;

use super::*;
use crate::request::{Query, options::PatchType};

const ACCEPTED: [&str; 8] = [
    "application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
    "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
    "text/html, */*;q=0.1",
    "application/yaml;q=0.5, application/json;q=0.4",
    "application/*;q=1.0;x=\"a,b;c\"",
    "application/json;stream=watch",
    "",
];
const PARTS: [&str; 10] = [
    ";q=",
    ",",
    ";as=",
    "Table",
    ";g=meta.k8s.io",
    ";v=v1",
    "*/*",
    "NaN",
    "inf",
    "\"",
];

fn headers(name: http::HeaderName, text: &str) -> Option<HeaderMap> {
    Some(HeaderMap::from_iter([(
        name,
        HeaderValue::from_bytes(text.as_bytes()).ok()?,
    )]))
}

proptest! {
    #[test]
    fn fuzz_accept_near_right_ones(text in near_text(&ACCEPTED, &PARTS), include in "(includeObject=(Object|None|x))?") {
        let Some(headers) = headers(ACCEPT, &text) else { return Ok(()) };
        let _ = Accepted::for_status(&headers);
        for answered in [Answered::Item, Answered::List, Answered::Watch] {
            if let Err(status) = Accepted::negotiate(&headers, &Query::parse(&include), answered) {
                prop_assert!([400, 406].contains(&status.code), "{status:?}");
            }
        }
    }

    #[test]
    fn fuzz_who_takes_anything_gets_json(qualities in proptest::collection::vec(1..999_u16, 1..5)) {
        // Whatever else there is that nobody can write, `*/*` comes last and is JSON.
        let clauses: Vec<_> = qualities.iter().map(|quality| format!("text/x{quality};q=0.{quality:03}")).collect();
        let text = format!("{}, */*;q=0.001", clauses.join(","));
        let headers = headers(ACCEPT, &text).ok_or(TestCaseError::fail("a header"))?;
        let accepted = Accepted::negotiate(&headers, &Query::default(), Answered::Item);
        prop_assert_eq!(accepted.ok(), Some(Accepted::default()));
    }

    #[test]
    fn fuzz_content_types_near_right_ones(
        text in near_text(&["application/json; charset=utf-8", "application/yaml", "application/merge-patch+json", ""], &["/", ";", "+json", " "]),
    ) {
        let Some(headers) = headers(CONTENT_TYPE, &text) else { return Ok(()) };
        if let Err(status) = BodyFormat::of(&headers) {
            prop_assert_eq!(status.code, 415);
        }
        if let Err(status) = patch_type(&headers, &[PatchType::Merge, PatchType::Apply]) {
            prop_assert_eq!(status.code, 415);
        }
    }
}
