//! How long a request may take.

use std::time::Duration;

/// The `timeout` parameter is no duration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid timeout specified in the request URL - time: invalid duration {0:?}")]
pub struct InvalidTimeout(String);

/// The deadline that `?timeout=` asks for, at most `limit`; `limit` when it asks for none or for 0.
pub fn deadline(timeout: Option<&str>, limit: Duration) -> Result<Duration, InvalidTimeout> {
    let Some(text) = timeout.filter(|text| !text.is_empty()) else {
        return Ok(limit);
    };
    let asked = parse(text).ok_or_else(|| InvalidTimeout(text.to_owned()))?;
    Ok(if asked.is_zero() { limit } else { asked.min(limit) })
}

/// A duration in Go's notation: `1m30s`, `1.5h`, `300ms`, `0`.
fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail
            .find(|character: char| character.is_ascii_digit() || character == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        seconds += number.parse::<f64>().ok()? * unit_seconds(unit)?;
        rest = tail;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

fn unit_seconds(unit: &str) -> Option<f64> {
    match unit {
        "ns" => Some(1e-9),
        "us" | "µs" | "μs" => Some(1e-6),
        "ms" => Some(1e-3),
        "s" => Some(1.0),
        "m" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    #[test]
    fn a_request_may_ask_for_less_time_but_not_for_more() {
        let cases = [
            (None, LIMIT),
            (Some(""), LIMIT),
            (Some("0"), LIMIT),
            (Some("0s"), LIMIT),
            (Some("32s"), Duration::from_secs(32)),
            (Some("1500ms"), Duration::from_millis(1500)),
            (Some("0m2.5s"), Duration::from_millis(2500)),
            (Some("2h"), LIMIT),
        ];
        for (timeout, expected) in cases {
            assert_eq!(deadline(timeout, LIMIT), Ok(expected), "{timeout:?}");
        }
    }

    #[test]
    fn nonsense_is_an_error() {
        for text in ["5", "s", "-5s", "5d", "..s", "1s2", "NaNs", "99999999999999999999999h"] {
            assert_eq!(
                deadline(Some(text), LIMIT),
                Err(InvalidTimeout(text.to_owned())),
                "{text}"
            );
        }
        let error = InvalidTimeout("x".into()).to_string();
        assert_eq!(
            error,
            "invalid timeout specified in the request URL - time: invalid duration \"x\""
        );
    }

    proptest! {
        #[test]
        fn never_panics_and_never_exceeds_the_limit(text in ".{0,12}") {
            if let Ok(found) = deadline(Some(&text), LIMIT) {
                prop_assert!(found <= LIMIT && !found.is_zero());
            }
        }
    }
}
