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

    /// Whether labels, sorted by key, match.
    pub fn matches(&self, labels: &[(Box<str>, Box<str>)]) -> bool {
        self.0.iter().all(|requirement| requirement.matches(labels))
    }
}

impl Requirement {
    fn matches(&self, labels: &[(Box<str>, Box<str>)]) -> bool {
        match self {
            Requirement::Exists(key) => value(labels, key).is_some(),
            Requirement::Absent(key) => value(labels, key).is_none(),
            Requirement::In(key, values) => value(labels, key).is_some_and(|v| values.iter().any(|wanted| wanted == v)),
            Requirement::NotIn(key, values) => {
                value(labels, key).is_none_or(|v| !values.iter().any(|unwanted| unwanted == v))
            }
            Requirement::Above(key, bound) => number(labels, key).is_some_and(|number| number > *bound),
            Requirement::Below(key, bound) => number(labels, key).is_some_and(|number| number < *bound),
        }
    }
}

fn value<'a>(labels: &'a [(Box<str>, Box<str>)], key: &str) -> Option<&'a str> {
    let index = labels.binary_search_by(|(candidate, _)| (**candidate).cmp(key)).ok()?;
    labels.get(index).map(|(_, value)| &**value)
}

fn number(labels: &[(Box<str>, Box<str>)], key: &str) -> Option<i64> {
    value(labels, key)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str) -> bool {
        let labels: Vec<(Box<str>, Box<str>)> = [("app", "web"), ("size", "3"), ("tier", "front")]
            .map(|(k, v)| (k.into(), v.into()))
            .into();
        LabelSelector::parse(selector).unwrap().matches(&labels)
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
