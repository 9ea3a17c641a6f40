//! Label selectors, as `labels.Selector` of apimachinery.

use super::label_parser;

/// All requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

/// One requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The label is there.
    Exists(String),
    /// The label is not there.
    Absent(String),
    /// The label has one of these values.
    In(String, Vec<String>),
    /// The label has none of these values, or is not there.
    NotIn(String, Vec<String>),
    /// The label is an integer above this.
    Above(String, i64),
    /// The label is an integer below this.
    Below(String, i64),
}

impl LabelSelector {
    /// Parses the query form, such as `a=b,c in (d,e),!f`. The error has apimachinery's words.
    pub fn parse(selector: &str) -> Result<LabelSelector, String> {
        label_parser::parse(selector).map(LabelSelector)
    }

    /// Whether everything matches.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A label and the one value that it must have, where there is such a requirement.
    pub fn equality(&self) -> Option<(&str, &str)> {
        self.0.iter().find_map(|requirement| match requirement {
            Requirement::In(key, values) => match values.as_slice() {
                [value] => Some((key.as_str(), value.as_str())),
                _ => None,
            },
            _ => None,
        })
    }

    /// Whether labels match; `value` finds that of a key.
    pub fn matches<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|requirement| requirement.matches(&value))
    }
}

impl FromIterator<Requirement> for LabelSelector {
    fn from_iter<I: IntoIterator<Item = Requirement>>(requirements: I) -> LabelSelector {
        LabelSelector(requirements.into_iter().collect())
    }
}

impl Requirement {
    fn matches<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        let number = |key: &str| value(key)?.parse::<i64>().ok();
        match self {
            Requirement::Exists(key) => value(key).is_some(),
            Requirement::Absent(key) => value(key).is_none(),
            Requirement::In(key, values) => value(key).is_some_and(|v| values.iter().any(|wanted| wanted == v)),
            Requirement::NotIn(key, values) => value(key).is_none_or(|v| !values.iter().any(|unwanted| unwanted == v)),
            Requirement::Above(key, bound) => number(key).is_some_and(|number| number > *bound),
            Requirement::Below(key, bound) => number(key).is_some_and(|number| number < *bound),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str) -> bool {
        let labels = [("app", "web"), ("size", "3"), ("tier", "front")];
        let value = |wanted: &str| labels.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
        LabelSelector::parse(selector).unwrap().matches(value)
    }

    #[test]
    fn requirements_are_and_connected() {
        for selector in [
            "",
            "app=web",
            "app==web",
            "app!=db",
            "other!=x",
            "app in (db,web)",
            "app notin (db)",
            "none notin (a)",
            "app",
            "!none",
            "size>2",
            "size<4",
            "app=web,tier=front",
            "none in (),!none,app",
        ] {
            let expected = selector != "none in (),!none,app";
            assert_eq!(matches(selector), expected, "{selector}");
        }
        for selector in [
            "app=db",
            "app!=web",
            "none=x",
            "app notin (web)",
            "!app",
            "none",
            "size>3",
            "app>1",
            "app=web,tier=back",
        ] {
            assert!(!matches(selector), "{selector}");
        }
    }
}
