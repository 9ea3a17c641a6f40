//! Times in text, as Go reads and writes them.

use jiff::Timestamp;

/// The layout that Go's messages name, in its parts.
const SECONDS: [&str; 12] = ["2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05", "Z07:00"];
const MICROSECONDS: [&str; 13] = [
    "2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05", ".000000", "Z07:00",
];

/// A time in UTC without fractions of a second.
pub(super) fn seconds(text: &str) -> Result<String, String> {
    read(text, &SECONDS).map(|time| format!("{time:.0}"))
}

/// A time in UTC with six digits of a fraction.
pub(super) fn microseconds(text: &str) -> Result<String, String> {
    read(text, &MICROSECONDS).map(|time| format!("{time:.6}"))
}

fn read(text: &str, layout: &[&str]) -> Result<Timestamp, String> {
    let mut rest = text;
    for part in layout {
        rest = skip(rest, part).map_err(|problem| match problem {
            Problem::Differs => format!(
                "parsing time {text:?} as {:?}: cannot parse {rest:?} as {part:?}",
                layout.concat()
            ),
            Problem::OutOfRange(what) => format!("parsing time {text:?}: {what} out of range"),
        })?;
        if *part == "05" && !layout.contains(&".000000") {
            rest = without_fraction(rest);
        }
    }
    if !rest.is_empty() {
        return Err(format!("parsing time {text:?}: extra text: {rest:?}"));
    }
    // What is left is a day that its month does not have.
    text.parse()
        .map_err(|_| format!("parsing time {text:?}: day out of range"))
}

enum Problem {
    Differs,
    OutOfRange(&'static str),
}

/// The text after what this part of the layout stands for.
fn skip<'a>(text: &'a str, part: &str) -> Result<&'a str, Problem> {
    let range = |what, most| digits(text, 2, what, 0, most);
    match part {
        "2006" => digits(text, 4, "year", 0, 9999),
        "01" => digits(text, 2, "month", 1, 12),
        "02" => digits(text, 2, "day", 1, 31),
        "15" => range("hour", 23),
        "04" => range("minute", 59),
        "05" => range("second", 59),
        ".000000" => match text.strip_prefix('.') {
            Some(rest) if count(rest) >= 6 => Ok(&rest[6..]),
            _ => Err(Problem::Differs),
        },
        "Z07:00" => zone(text),
        literal => text.strip_prefix(literal).ok_or(Problem::Differs),
    }
}

fn digits<'a>(text: &'a str, length: usize, what: &'static str, least: u32, most: u32) -> Result<&'a str, Problem> {
    if count(text) < length {
        return Err(Problem::Differs);
    }
    let (number, rest) = text.split_at(length);
    let fits = number.parse().is_ok_and(|number: u32| (least..=most).contains(&number));
    fits.then_some(rest).ok_or(Problem::OutOfRange(what))
}

/// Seconds may have a fraction where the layout has none.
fn without_fraction(text: &str) -> &str {
    match text.strip_prefix(['.', ',']) {
        Some(fraction) if count(fraction) > 0 => &fraction[count(fraction)..],
        _ => text,
    }
}

fn zone(text: &str) -> Result<&str, Problem> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Ok(rest);
    }
    let is_offset = text.len() >= 6
        && text.is_char_boundary(6)
        && text.starts_with(['+', '-'])
        && text.as_bytes()[3] == b':'
        && count(&text[1..]) == 2
        && count(&text[4..]) >= 2;
    is_offset.then(|| &text[6..]).ok_or(Problem::Differs)
}

/// How many digits the text begins with.
fn count(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}
