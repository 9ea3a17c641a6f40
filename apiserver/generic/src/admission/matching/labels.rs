//! Label selectors in the form that objects carry.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::request::selector::{self, Requirement};

/// `LabelSelector` of meta/v1: all of it must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels with their one value.
    pub match_labels: BTreeMap<String, String>,
    /// Further requirements.
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LabelSelectorRequirement {
    /// The label.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// Values of the first two.
    #[serde(default)]
    pub values: Vec<String>,
}

impl TryFrom<LabelSelector> for selector::LabelSelector {
    type Error = String;

    fn try_from(selector: LabelSelector) -> Result<selector::LabelSelector, String> {
        let labels = selector.match_labels.into_iter();
        let labels = labels.map(|(key, value)| Ok(Requirement::In(key, vec![value])));
        let expressions = selector.match_expressions.into_iter().map(Requirement::try_from);
        labels.chain(expressions).collect()
    }
}

impl TryFrom<LabelSelectorRequirement> for Requirement {
    type Error = String;

    fn try_from(declared: LabelSelectorRequirement) -> Result<Requirement, String> {
        let LabelSelectorRequirement { key, operator, values } = declared;
        Ok(match operator.as_str() {
            "In" => Requirement::In(key, values),
            "NotIn" => Requirement::NotIn(key, values),
            "Exists" => Requirement::Exists(key),
            "DoesNotExist" => Requirement::Absent(key),
            other => return Err(format!("{other:?} is not a valid label selector operator")),
        })
    }
}
