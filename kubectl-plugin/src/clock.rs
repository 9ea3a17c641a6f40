//! This computer's clock beside that of a server. What is kept here is dated by this one, so a difference does no harm to it.

use jiff::{SignedDuration, Timestamp};

use crate::output;

/// A difference that is worth a word. Certificates and tokens of other programs allow about as much.
const WORTH_A_WORD: SignedDuration = SignedDuration::from_mins(5);

/// Says on stderr when the clocks differ by minutes. A server that does not say its time has none that differs.
pub(crate) fn compare(server: &str, theirs: Option<Timestamp>) {
    let difference = theirs.and_then(|theirs| difference(Timestamp::now(), theirs));
    if let Some(difference) = difference {
        eprintln!("warning: this computer's clock is {difference} that of {server}: one of them is wrong");
    }
}

fn difference(ours: Timestamp, theirs: Timestamp) -> Option<String> {
    let ahead = ours.duration_since(theirs);
    let direction = if ahead.is_positive() { "ahead of" } else { "behind" };
    (ahead.abs() > WORTH_A_WORD).then(|| format!("{} {direction}", output::age(ahead.abs().as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_told_and_seconds_are_not() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        for (ours, expected) in [
            (0, None),
            (300, None),
            (-300, None),
            (301, Some("5m1s ahead of")),
            (-3600, Some("60m behind")),
            (86_400, Some("24h ahead of")),
        ] {
            assert_eq!(difference(at(ours), at(0)).as_deref(), expected, "{ours}");
        }
    }
}
