//! Field selectors, as `fields.Selector` of apimachinery.

/// All terms must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector(pub Vec<FieldTerm>);

/// One comparison of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldTerm {
    /// The field's name, such as `metadata.name`.
    pub field: String,
    /// Whether it must be equal, or must not.
    pub equal: bool,
    /// What it is compared with.
    pub value: String,
}

impl FieldSelector {
    /// Parses the query form, such as `metadata.name=x,spec.user!=y`. The error has apimachinery's words.
    pub fn parse(selector: &str) -> Result<FieldSelector, String> {
        let terms = split_unescaped(selector).into_iter().filter(|term| !term.is_empty());
        terms
            .map(|term| parse_term(term, selector))
            .collect::<Result<_, _>>()
            .map(FieldSelector)
    }

    /// Whether everything matches.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn parse_term(term: &str, selector: &str) -> Result<FieldTerm, String> {
    let operators = [("!=", false), ("==", true), ("=", true)];
    let found = term.char_indices().find_map(|(at, _)| {
        operators
            .iter()
            .find(|(operator, _)| term[at..].starts_with(operator))
            .map(|operator| (at, operator))
    });
    let Some((at, (operator, equal))) = found else {
        return Err(format!("invalid selector: '{selector}'; can't understand '{term}'"));
    };
    let value = unescape(&term[at + operator.len()..])?;
    Ok(FieldTerm {
        field: term[..at].to_owned(),
        equal: *equal,
        value,
    })
}

/// Splits at commas that no backslash escapes.
fn split_unescaped(selector: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (index, character) in selector.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&selector[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    terms.push(&selector[start..]);
    terms
}

/// Only `\\`, `\,` and `\=` are escapes; a bare `,` or `=` in a value is an error.
fn unescape(value: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => plain.push(escaped),
                Some(other) => return Err(format!("invalid field selector: invalid escape sequence: \\{other}")),
                None => return Err("invalid field selector: invalid escape sequence: \\".to_owned()),
            },
            ',' | '=' => {
                return Err(format!(
                    "invalid field selector: unescaped character in value: {character}"
                ));
            }
            other => plain.push(other),
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(field: &str, equal: bool, value: &str) -> FieldTerm {
        FieldTerm {
            field: field.into(),
            equal,
            value: value.into(),
        }
    }

    #[test]
    fn parses_terms_and_escapes() {
        let parsed = FieldSelector::parse(r"metadata.name=a,spec.user!=b\,c,,status.x==\=d").unwrap();
        let expected = [
            term("metadata.name", true, "a"),
            term("spec.user", false, "b,c"),
            term("status.x", true, "=d"),
        ];
        assert_eq!(parsed.0, expected);
        assert!(FieldSelector::parse("").unwrap().is_empty());
    }

    #[test]
    fn refuses_what_it_cannot_understand() {
        assert_eq!(
            FieldSelector::parse("a").unwrap_err(),
            "invalid selector: 'a'; can't understand 'a'"
        );
        assert!(FieldSelector::parse(r"a=\x").is_err());
        assert!(FieldSelector::parse("a=b=c").is_err());
    }
}
