//! Parameters of a query or a form, as OAuth reads them.

use std::collections::BTreeMap;

/// A parameter that occurs more than once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repeated;

/// Parameters by name. An empty one counts as absent, and none may be repeated (RFC 6749, section 3.1). `Debug` shows no values:
/// some are secrets.
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Parses `application/x-www-form-urlencoded`.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Repeated> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(Repeated);
            }
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_once_and_never_repeated() {
        let parameters = Parameters::parse(b"a=1%262&b=&c=x+y").unwrap();
        assert_eq!(parameters.get("a"), Some("1&2"));
        assert_eq!(parameters.get("b"), None);
        assert_eq!(parameters.get("c"), Some("x y"));
        assert_eq!(Parameters::parse(b"a=1&a=1").unwrap_err(), Repeated);
        assert_eq!(format!("{parameters:?}"), r#"{"a", "b", "c"}"#);
    }
}
