//! The grammar of label selectors, with apimachinery's error texts.

use super::Requirement;
use crate::registry::naming::{label_value_problems, qualified_name_problems};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    End,
    Open,
    Close,
    Comma,
    Not,
    Equals,
    DoubleEquals,
    NotEquals,
    Greater,
    Less,
    /// A key or a value; `in` and `notin` are told apart by where they stand.
    Word(&'a str),
}

impl<'a> Token<'a> {
    fn text(self) -> &'a str {
        match self {
            Token::End => "",
            Token::Open => "(",
            Token::Close => ")",
            Token::Comma => ",",
            Token::Not => "!",
            Token::Equals => "=",
            Token::DoubleEquals => "==",
            Token::NotEquals => "!=",
            Token::Greater => ">",
            Token::Less => "<",
            Token::Word(word) => word,
        }
    }
}

pub(super) fn parse(selector: &str) -> Result<Vec<Requirement>, String> {
    let mut parser = Parser {
        tokens: tokens(selector),
        next: 0,
    };
    let mut requirements = Vec::new();
    loop {
        match parser.peek() {
            Token::End => return Ok(requirements),
            Token::Word(_) | Token::Not => {}
            other => {
                return Err(format!(
                    "found '{}', expected: !, identifier, or 'end of string'",
                    other.text()
                ));
            }
        }
        let requirement = parser
            .requirement()
            .map_err(|error| format!("unable to parse requirement: {error}"))?;
        requirements.push(requirement);
        match parser.take() {
            Token::End => return Ok(requirements),
            Token::Comma => parser.expect_key_after_comma()?,
            other => return Err(format!("found '{}', expected: ',' or 'end of string'", other.text())),
        }
    }
}

fn tokens(selector: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = selector.trim_start_matches(is_space);
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '>' => (Token::Greater, 1),
            '<' => (Token::Less, 1),
            '=' if rest.starts_with("==") => (Token::DoubleEquals, 2),
            '=' => (Token::Equals, 1),
            '!' if rest.starts_with("!=") => (Token::NotEquals, 2),
            '!' => (Token::Not, 1),
            _ => {
                let end = rest
                    .find(|c| is_space(c) || "(),><=!".contains(c))
                    .unwrap_or(rest.len());
                (Token::Word(&rest[..end]), end)
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start_matches(is_space);
    }
    tokens
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        self.tokens.get(self.next).copied().unwrap_or(Token::End)
    }

    fn take(&mut self) -> Token<'a> {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn expect_key_after_comma(&self) -> Result<(), String> {
        match self.peek() {
            Token::Word(_) | Token::Not => Ok(()),
            other => Err(format!("found '{}', expected: identifier after ','", other.text())),
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let negated = self.peek() == Token::Not;
        if negated {
            self.take();
        }
        let key = match self.take() {
            Token::Word(word) => word,
            other => return Err(format!("found '{}', expected: identifier", other.text())),
        };
        check("<nil>", key, &qualified_name_problems(key))?;
        let key = key.to_owned();
        if matches!(self.peek(), Token::End | Token::Comma) {
            return Ok(if negated {
                Requirement::Absent(key)
            } else {
                Requirement::Exists(key)
            });
        }
        if negated {
            // The caller reports what follows the key.
            return Ok(Requirement::Absent(key));
        }
        self.comparison(key)
    }

    fn comparison(&mut self, key: String) -> Result<Requirement, String> {
        match self.take() {
            Token::Word("in") => {
                let found = self.values(&key)?;
                Ok(Requirement::In(key, found))
            }
            Token::Word("notin") => {
                let found = self.values(&key)?;
                Ok(Requirement::NotIn(key, found))
            }
            Token::Equals | Token::DoubleEquals => {
                let found = vec![self.value(&key)?];
                Ok(Requirement::In(key, found))
            }
            Token::NotEquals => {
                let found = vec![self.value(&key)?];
                Ok(Requirement::NotIn(key, found))
            }
            Token::Greater => {
                let found = self.integer(&key)?;
                Ok(Requirement::Above(key, found))
            }
            Token::Less => {
                let found = self.integer(&key)?;
                Ok(Requirement::Below(key, found))
            }
            other => Err(format!(
                "found '{}', expected: in, notin, =, ==, !=, gt, lt",
                other.text()
            )),
        }
    }

    /// The value after `=` and the like; nothing is the empty string.
    fn value(&mut self, key: &str) -> Result<String, String> {
        let word = match self.peek() {
            Token::End | Token::Comma => return Ok(String::new()),
            Token::Word(word) => word,
            other => return Err(format!("found '{}', expected: identifier", other.text())),
        };
        self.take();
        check(&place(0, key), word, &label_value_problems(word))?;
        Ok(word.to_owned())
    }

    fn integer(&mut self, key: &str) -> Result<i64, String> {
        let word = self.value(key)?;
        word.parse().map_err(|_| {
            format!("values[0]: Invalid value: \"{word}\": for 'Gt', 'Lt' operators, the value must be an integer")
        })
    }

    /// `(a,b)`; an empty place between commas is the empty string.
    fn values(&mut self, key: &str) -> Result<Vec<String>, String> {
        match self.take() {
            Token::Open => {}
            other => return Err(format!("found '{}' expected: '('", other.text())),
        }
        let mut values = Vec::new();
        loop {
            match self.peek() {
                Token::Word(word) => {
                    self.take();
                    check(&place(values.len(), key), word, &label_value_problems(word))?;
                    values.push(word.to_owned());
                }
                Token::Comma | Token::Close => values.push(String::new()),
                other => return Err(format!("found '{}', expected: ',', ')' or identifier", other.text())),
            }
            match self.take() {
                Token::Comma => {}
                Token::Close => return Ok(values),
                other => return Err(format!("found '{}', expected: ',' or ')'", other.text())),
            }
        }
    }
}

/// How messages name a value of a requirement.
fn place(position: usize, key: &str) -> String {
    format!("values[{position}][{key}]")
}

fn check(place: &str, word: &str, problems: &[String]) -> Result<(), String> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(format!("{place}: Invalid value: \"{word}\": {}", problems.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_words_of_apimachinery() {
        let cases = [
            ("=x", "found '=', expected: !, identifier, or 'end of string'"),
            ("a,", "found '', expected: identifier after ','"),
            (
                "a b",
                "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
            ),
            ("a=b c", "found 'c', expected: ',' or 'end of string'"),
            ("a in b", "unable to parse requirement: found 'b' expected: '('"),
            ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
            (
                "a>b",
                "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer",
            ),
        ];
        for (selector, message) in cases {
            assert_eq!(parse(selector).unwrap_err(), message, "{selector}");
        }
        let invalid_key = parse("a/b/c=d").unwrap_err();
        assert!(
            invalid_key.starts_with("unable to parse requirement: <nil>: Invalid value: \"a/b/c\": a valid label key"),
            "{invalid_key}"
        );
    }

    #[test]
    fn in_and_notin_are_also_words() {
        assert_eq!(
            parse("in in (notin,)").unwrap(),
            [Requirement::In("in".into(), vec!["notin".into(), String::new()])]
        );
        assert_eq!(parse("a=in").unwrap(), [Requirement::In("a".into(), vec!["in".into()])]);
        assert_eq!(parse(" ! a , b != c ").unwrap().len(), 2);
    }
}
