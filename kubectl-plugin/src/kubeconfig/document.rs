//! The content of one kubeconfig, as it is written there.

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

/// The three lists of a kubeconfig, and what holds an entry's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Clusters,
    Users,
    Contexts,
}

/// A kubeconfig. Nothing is dropped of what it holds but comments, which kubectl drops too.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document(Value);

impl List {
    fn keys(self) -> (&'static str, &'static str) {
        match self {
            List::Clusters => ("clusters", "cluster"),
            List::Users => ("users", "user"),
            List::Contexts => ("contexts", "context"),
        }
    }
}

impl Default for Document {
    fn default() -> Self {
        Self(json!({
            "apiVersion": "v1", "kind": "Config", "preferences": {},
            "clusters": [], "contexts": [], "users": [],
        }))
    }
}

impl Document {
    /// Reads a file's content; an empty one is a new kubeconfig.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let value: Value = serde_saphyr::from_str(text)
            .map_err(|error| Error::failed(format!("it is no YAML: {}", error.without_snippet())))?;
        if !value.is_object() {
            return Err(Error::failed("it is no kubeconfig"));
        }
        for list in [List::Clusters, List::Users, List::Contexts] {
            let (key, _) = list.keys();
            if !matches!(value[key], Value::Null | Value::Array(_)) {
                return Err(Error::failed(format!("{key} is no list")));
            }
        }
        Ok(Self(value))
    }

    /// The content to write.
    pub(crate) fn to_yaml(&self) -> Result<String> {
        serde_saphyr::to_string(&self.0).map_err(|error| Error::failed(format!("it can't be written as YAML: {error}")))
    }

    /// What an entry holds.
    pub(crate) fn get(&self, list: List, name: &str) -> Option<&Value> {
        let (key, content) = list.keys();
        let entries = self.0[key].as_array()?;
        let entry = entries.iter().find(|entry| entry["name"] == name)?;
        Some(&entry[content])
    }

    /// The names of a list.
    pub(crate) fn names(&self, list: List) -> impl Iterator<Item = &str> {
        let entries = self.0[list.keys().0].as_array();
        entries.into_iter().flatten().filter_map(|entry| entry["name"].as_str())
    }

    /// Adds an entry, or gives the one of this name another content.
    pub(crate) fn set(&mut self, list: List, name: &str, value: Value) {
        let (key, content) = list.keys();
        if !self.0[key].is_array() {
            self.0[key] = json!([]);
        }
        let Some(entries) = self.0[key].as_array_mut() else {
            return;
        };
        match entries.iter_mut().find(|entry| entry["name"] == name) {
            Some(entry) => entry[content] = value,
            None => {
                let mut entry = Map::new();
                entry.insert("name".to_owned(), json!(name));
                entry.insert(content.to_owned(), value);
                entries.push(entry.into());
            }
        }
    }

    /// The context that commands use.
    pub(crate) fn current_context(&self) -> Option<&str> {
        self.0["current-context"].as_str().filter(|name| !name.is_empty())
    }

    /// Makes a context the one that commands use.
    pub(crate) fn set_current_context(&mut self, name: &str) {
        self.0["current-context"] = json!(name);
    }
}

#[cfg(test)]
mod tests {
    use near_inputs::near_text;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_ours_stays_as_it_is() {
        let text = "apiVersion: v1\nkind: Config\ncurrent-context: mine\nclusters:\n- name: \"1234\"\n  cluster: {server: https://a, future: [\"yes\", 0x1F]}\n  note: \"on\"\ncontexts: null\nextra: {a: 1.50}\n";
        let mut document = Document::parse(text).unwrap();
        document.set(List::Contexts, "new", json!({"cluster": "1234"}));
        document.set(List::Clusters, "1234", json!({"server": "https://b"}));
        let again = Document::parse(&document.to_yaml().unwrap()).unwrap();
        assert_eq!(again, document);
        assert_eq!(again.0["extra"], json!({"a": 1.5}));
        assert_eq!(again.0["clusters"][0]["note"], "on");
        assert_eq!(
            again.get(List::Clusters, "1234").unwrap(),
            &json!({"server": "https://b"})
        );
        assert_eq!(again.current_context(), Some("mine"));
        assert_eq!(again.names(List::Contexts).collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn what_is_no_kubeconfig_is_refused_and_nothing_is_one() {
        assert_eq!(Document::parse(" \n").unwrap(), Document::default());
        for wrong in ["- a", "a", "{", "clusters: {}", "users: 7"] {
            assert!(Document::parse(wrong).is_err(), "{wrong}");
        }
    }

    const KUBECONFIGS: [&str; 3] = [
        "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters:\n- name: a\n  cluster: {server: 'https://a:6443', certificate-authority-data: QUFB}\nusers:\n- name: a\n  user:\n    exec:\n      command: kubectl-guest\n      args: [credential, --cluster, dev]\ncontexts:\n- name: a\n  context: {cluster: a, user: a, namespace: team-a}\n",
        "{\"clusters\":[{\"name\":\"1\",\"cluster\":{\"server\":\"x\"}}],\"users\":null}",
        "clusters: []\nextra: {on: [yes, 1.5, ~, 0x1F]}\n",
    ];

    proptest! {
        #[test]
        fn fuzz_kubeconfigs_near_right_ones_come_back(text in near_text(&KUBECONFIGS, &["\n- ", "\n  ", ": ", "{", "}", "[", "]", "'", "|\n", "&a ", "*a", "clusters: "])) {
            let Ok(mut document) = Document::parse(&text) else { return Ok(()) };
            let written = document.to_yaml().map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
            let again = Document::parse(&written).map_err(|error| TestCaseError::fail(format!("{error:?}: {written}")))?;
            prop_assert_eq!(&again, &document, "{}", written);
            for list in [List::Clusters, List::Users, List::Contexts] {
                document.set(list, "new", json!({"a": 1}));
                prop_assert_eq!(document.get(list, "new"), Some(&json!({"a": 1})));
            }
        }
    }
}
