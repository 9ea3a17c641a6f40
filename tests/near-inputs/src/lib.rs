//! Inputs that are nearly right, for property tests of parsers: those of a corpus with a few changes. Bytes by pure chance hardly
//! come past the first line of a parser; these come far into it.
//!
//! `PROPTEST_CASES` says how many there are, 256 without it.

use proptest::{collection::vec, prelude::*, sample::Index};

/// Most changes of one input.
const CHANGES: usize = 6;
/// Longest that an input grows.
const LONGEST: usize = 64 * 1024;
/// Numbers at which parsers stumble.
const NUMBERS: [&str; 16] = [
    "0",
    "-0",
    "00",
    "-1",
    "1e9",
    "1e999",
    "0.1",
    "127",
    "256",
    "65536",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999999999999999999",
];
/// Characters at which they do.
const CHARACTERS: [&str; 14] = [
    "\0",
    "\n",
    "\r\n",
    "\t",
    "\u{7f}",
    "\u{80}",
    "\u{feff}",
    "\u{2028}",
    "\u{d7ff}",
    "\u{1f600}",
    "é",
    "%",
    "\\",
    "\"",
];

/// One change.
#[derive(Clone, Debug)]
enum Change {
    /// Another byte.
    Byte(Index, u8),
    /// A word, a number or a character more.
    Word(Index, Index),
    /// Some bytes less.
    Remove(Index, u8),
    /// Some bytes again and again.
    Repeat(Index, u8, u8),
    /// Nothing behind.
    Cut(Index),
    /// A piece of another input in place of the rest.
    Join(Index, Index, Index),
    /// Another number in place of digits.
    Number(Index, Index),
}

/// Bytes near those of a corpus. `words` are what the parser knows: keywords, signs, openings.
pub fn near(corpus: Vec<Vec<u8>>, words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    (any::<Index>(), vec(change(), 0..=CHANGES)).prop_map(move |(which, changes)| {
        let input = which.get(&corpus).clone();
        let mut changed = changes
            .iter()
            .fold(input, |input, change| change.make(input, &corpus, words));
        changed.truncate(LONGEST);
        changed
    })
}

/// The same of texts.
pub fn near_text(corpus: &[&str], words: &'static [&'static str]) -> impl Strategy<Value = String> + use<> {
    let corpus = corpus.iter().map(|text| text.as_bytes().to_vec()).collect();
    near(corpus, words).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        4 => (at(), at()).prop_map(|(at, word)| Change::Word(at, word)),
        3 => (at(), 1..20_u8).prop_map(|(at, length)| Change::Remove(at, length)),
        2 => (at(), 1..20_u8, 1..40_u8).prop_map(|(at, length, times)| Change::Repeat(at, length, times)),
        1 => at().prop_map(Change::Cut),
        2 => (at(), at(), at()).prop_map(|(at, which, from)| Change::Join(at, which, from)),
        2 => (at(), at()).prop_map(|(at, number)| Change::Number(at, number)),
    ]
}

impl Change {
    fn make(&self, mut input: Vec<u8>, corpus: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
        let places = input.len() + 1;
        let place = |at: &Index| at.index(places);
        match self {
            Change::Byte(at, byte) => {
                if let Some(changed) = input.get_mut(place(at)) {
                    *changed = *byte;
                }
            }
            Change::Word(at, word) => {
                let all = [words, &NUMBERS, &CHARACTERS].concat();
                insert(&mut input, place(at), word.get(&all).as_bytes());
            }
            Change::Remove(at, length) => {
                let (from, to) = span(place(at), *length, input.len());
                input.drain(from..to);
            }
            Change::Repeat(at, length, times) => {
                let (from, to) = span(place(at), *length, input.len());
                let again = input[from..to].repeat(usize::from(*times));
                insert(&mut input, from, &again);
            }
            Change::Cut(at) => input.truncate(place(at)),
            Change::Join(at, which, from) => {
                let other = which.get(corpus);
                input.truncate(place(at));
                input.extend_from_slice(&other[from.index(other.len() + 1)..]);
            }
            Change::Number(at, number) => {
                let begin = place(at);
                let is_digit = |at: &usize| input.get(*at).is_some_and(u8::is_ascii_digit);
                if let Some(from) = (begin..input.len()).find(is_digit) {
                    let to = (from..=input.len()).find(|at| !is_digit(at)).unwrap_or(from);
                    input.splice(from..to, number.get(&NUMBERS).bytes());
                }
            }
        }
        input
    }
}

fn span(from: usize, length: u8, end: usize) -> (usize, usize) {
    (from, end.min(from + usize::from(length)))
}

fn insert(input: &mut Vec<u8>, at: usize, more: &[u8]) {
    input.splice(at..at, more.iter().copied());
}

#[cfg(test)]
mod tests {
    use proptest::{
        strategy::ValueTree as _,
        test_runner::{Config, TestRunner},
    };

    use super::*;

    #[test]
    fn inputs_are_near_and_not_the_same() {
        let inputs = near_text(&["a=b,c in (d,e)", "x!=1"], &["(", "notin"]);
        let mut runner = TestRunner::deterministic();
        let seen: Vec<String> = (0..500)
            .map(|_| inputs.new_tree(&mut runner).unwrap().current())
            .collect();
        assert!(seen.iter().any(|text| text == "x!=1"), "some stay as they are");
        assert!(seen.iter().any(|text| text.contains("notin")), "words come in");
        assert!(
            seen.iter().any(|text| text.contains("x!=9223372036854775807")),
            "numbers change"
        );
        let near = seen
            .iter()
            .filter(|text| text.contains("a=b") || text.contains("x!="))
            .count();
        assert!((200..500).contains(&near), "{near} of 500 are near");
        assert!(seen.iter().all(|text| text.len() <= LONGEST));
    }

    #[test]
    fn any_change_of_any_input_is_one() {
        let corpus: Vec<Vec<u8>> = vec![vec![], vec![0], b"123".to_vec(), vec![0xff; 100]];
        let mut runner = TestRunner::new(Config::with_cases(2000));
        let run = runner.run(&near(corpus, &["word"]), |input| {
            prop_assert!(input.len() <= LONGEST);
            Ok(())
        });
        assert_eq!(run, Ok(()));
    }
}
