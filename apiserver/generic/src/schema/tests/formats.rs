use near_inputs::near_text;
use proptest::prelude::*;

use crate::schema::{Kind, formats::Format};

const FORMATS: [&str; 22] = [
    "date",
    "date-time",
    "duration",
    "byte",
    "ipv4",
    "ipv6",
    "cidr",
    "mac",
    "uri",
    "email",
    "hostname",
    "hexcolor",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "k8s-short-name",
    "k8s-long-name",
    "isbn",
    "password",
    "bsonobjectid",
    "unknown",
];
const TEXTS: [&str; 16] = [
    "2026-11-27",
    "2026-11-27T10:00:00Z",
    "2026-11-27T10:00:00.123456789+02:00",
    "1h30m5.5s",
    "3 weeks",
    "aGVsbG8=",
    "192.0.2.1",
    "2001:db8::1%eth0",
    "192.0.2.0/24",
    "00:00:5e:00:53:01",
    "https://user@example.com:8443/a?b=c#d",
    "Someone <someone@example.com>",
    "a-b.example.com",
    "#a1b2c3",
    "123e4567-e89b-42d3-a456-426614174000",
    "-P1DT2H",
];

proptest! {
    #[test]
    fn fuzz_texts_near_those_of_formats(text in near_text(&TEXTS, &["-", ":", "/", ".", "T", "Z", "@", "::", "%", "µs"])) {
        for name in FORMATS {
            let format = Format::of(Kind::String, name);
            let accepted = format.accepts(&text);
            prop_assert_eq!(format.accepts(&text), accepted);
        }
    }

    #[test]
    fn fuzz_times_that_are_written_are_accepted(second in -62_135_596_800..253_402_300_799_i64, nanosecond in 0..1_000_000_000_i32) {
        let time = jiff::Timestamp::new(second, nanosecond).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(Format::of(Kind::String, "date-time").accepts(&time.to_string()), "{time}");
        prop_assert!(Format::of(Kind::String, "date").accepts(&time.to_string()[..10]), "{time}");
    }
}
