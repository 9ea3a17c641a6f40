//! Durations and times, as Go reads and writes them.

use std::fmt::Write as _;

use jiff::{
    SignedDuration, civil,
    tz::{Offset, TimeZone},
};

use super::fault::Fault;

/// A point in time, and the zone that it was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timestamp {
    pub(super) at: jiff::Timestamp,
    pub(super) offset: Offset,
}

/// First and last second that a timestamp may have: the years 1 to 9999.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

impl Timestamp {
    /// None outside of the years 1 to 9999.
    pub(super) fn new(at: jiff::Timestamp, offset: Offset) -> Option<Timestamp> {
        SECONDS.contains(&at.as_second()).then_some(Timestamp { at, offset })
    }

    pub(super) fn from_seconds(seconds: i64) -> Option<Timestamp> {
        Timestamp::new(jiff::Timestamp::from_second(seconds).ok()?, Offset::UTC)
    }

    pub(super) fn shifted(self, by: SignedDuration) -> Result<Timestamp, Fault> {
        let moved = self.at.checked_add(by).ok();
        moved
            .and_then(|at| Timestamp::new(at, self.offset))
            .ok_or_else(|| Fault::error("timestamp overflow"))
    }

    pub(super) fn since(self, other: Timestamp) -> Result<SignedDuration, Fault> {
        checked(self.at.duration_since(other.at))
    }

    /// The clock there, in UTC or in a zone by name or as `+01:00`.
    pub(super) fn clock(self, zone: Option<&str>) -> Result<civil::DateTime, Fault> {
        let Some(zone) = zone else {
            return Ok(Offset::UTC.to_datetime(self.at));
        };
        if let Some(offset) = fixed_offset(zone) {
            return Ok(offset.to_datetime(self.at));
        }
        let zone = TimeZone::get(zone).map_err(|_| Fault::error(format!("unknown time zone {zone}")))?;
        Ok(zone.to_datetime(self.at))
    }

    /// RFC 3339, with as many digits of a second as it has.
    pub(super) fn text(self) -> String {
        let clock = self.offset.to_datetime(self.at);
        let mut text = clock.strftime("%Y-%m-%dT%H:%M:%S%.f").to_string();
        match self.offset.seconds() {
            0 => text.push('Z'),
            seconds => {
                let sign = if seconds < 0 { '-' } else { '+' };
                let minutes = seconds.abs() / 60;
                let _ = write!(text, "{sign}{:02}:{:02}", minutes / 60, minutes % 60);
            }
        }
        text
    }
}

/// A Go duration has 64 bits of nanoseconds.
pub(super) fn checked(duration: SignedDuration) -> Result<SignedDuration, Fault> {
    match i64::try_from(duration.as_nanos()) {
        Ok(_) => Ok(duration),
        Err(_) => Err(Fault::error("duration overflow")),
    }
}

fn fixed_offset(zone: &str) -> Option<Offset> {
    let (sign, clock) = match zone.as_bytes().first()? {
        b'-' => (-1, &zone[1..]),
        b'+' => (1, &zone[1..]),
        _ => (1, zone),
    };
    let (hours, minutes) = clock.split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let seconds = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?;
    Offset::from_seconds(sign * seconds).ok()
}

/// `2006-01-02`.
pub(super) fn parse_date(text: &str) -> Option<Timestamp> {
    let date: civil::Date = text.parse().ok()?;
    Timestamp::new(
        Offset::UTC
            .to_timestamp(date.to_datetime(civil::Time::midnight()))
            .ok()?,
        Offset::UTC,
    )
}

/// RFC 3339.
pub(super) fn parse_date_time(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    let zone = text.rsplit_once(['T', 't'])?.1;
    let offset = match zone.find(['+', '-']) {
        Some(sign) => fixed_offset(&zone[sign..])?,
        None => Offset::UTC,
    };
    Timestamp::new(at, offset)
}

/// A Go duration such as `1h30m`.
pub(super) fn parse_duration(text: &str) -> Option<SignedDuration> {
    const UNITS: [(&str, i128); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut total: i128 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let amount = &rest[..rest.len() - unit.len()];
        let (name, nanos) = UNITS.iter().find(|(name, _)| unit.starts_with(name))?;
        total = total.checked_add(amount_of(amount, *nanos)?)?;
        rest = &unit[name.len()..];
    }
    let total = i64::try_from(if negative { -total } else { total }).ok()?;
    Some(SignedDuration::from_nanos(total))
}

/// A number of units in nanoseconds; what is below one is cut off.
fn amount_of(amount: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole: i128 = if whole.is_empty() {
        0
    } else {
        whole.parse::<i64>().ok()?.into()
    };
    let mut nanos = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes().take(20) {
        place /= 10;
        nanos = nanos.checked_add(place * i128::from(digit - b'0'))?;
    }
    Some(nanos)
}

/// Seconds, with as many digits as needed: `90.5s`.
pub(super) fn duration_text(duration: SignedDuration) -> String {
    let nanos = duration.as_nanos();
    let (sign, nanos) = if nanos < 0 {
        ("-", nanos.unsigned_abs())
    } else {
        ("", nanos.unsigned_abs())
    };
    let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    if fraction == 0 {
        return format!("{sign}{seconds}s");
    }
    let fraction = format!("{fraction:09}");
    format!("{sign}{seconds}.{}s", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        let table = [
            ("1h30m", "5400s"),
            ("-1.5s", "-1.5s"),
            ("300ms", "0.3s"),
            ("0", "0s"),
            ("1us2ns", "0.000001002s"),
            ("2562047h47m16.854775807s", "9223372036.854775807s"),
        ];
        for (text, seconds) in table {
            assert_eq!(
                parse_duration(text).map(duration_text).as_deref(),
                Some(seconds),
                "{text}"
            );
        }
        for text in ["", "-", "1", "h", "1d", "1..5s", "2562048h", "99999999999999999999h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn times_keep_their_zone() {
        let time = parse_date_time("2024-05-01T10:20:30.5+02:00").unwrap();
        assert_eq!(time.text(), "2024-05-01T10:20:30.5+02:00");
        assert_eq!(time.clock(None).unwrap().hour(), 8);
        assert_eq!(time.clock(Some("-03:30")).unwrap().minute(), 50);
        assert_eq!(parse_date("2024-05-01").unwrap().text(), "2024-05-01T00:00:00Z");
        assert!(parse_date_time("-0001-01-01T00:00:00Z").is_none());
    }
}
