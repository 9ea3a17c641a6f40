//! What a write costs of a quota, and whether it may. Pure.

use generic_apiserver::registry::Names;
use serde_json::Value;

use super::{Amounts, ResourceQuota, meter::Meter};

/// A write that quotas are asked about.
pub struct Asked<'a> {
    pub(super) meter: Meter,
    pub(super) object: &'a Value,
    /// The state that it replaces.
    pub(super) old: Option<&'a Value>,
}

/// What it comes to with one quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charge {
    /// The quota does not count it, or it uses nothing more.
    Nothing,
    /// What was used already, and with it, and what the difference is.
    Fits(Used),
    /// It is too much, in kube-apiserver's words.
    TooMuch(String),
}

/// New amounts of a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    pub(super) all: Amounts,
    pub(super) more: Amounts,
}

impl<'a> Asked<'a> {
    /// None for a resource that no quota counts.
    pub(super) fn of(names: &Names, object: &'a Value, old: Option<&'a Value>) -> Option<Asked<'a>> {
        let meter = Meter::of(names)?;
        Some(Asked { meter, object, old })
    }

    /// Whether a quota may have a word in it, in force or only wanted as yet.
    pub(super) fn concerns(&self, quota: &ResourceQuota) -> bool {
        let limits = |name: &str| quota.hard.contains_key(name) || quota.wanted.contains_key(name);
        self.meter.names().any(limits) && self.meter.is_in(&quota.scopes, self.object)
    }

    /// What it costs of a quota whose status says what is used.
    pub fn charge(&self, quota: &ResourceQuota) -> Charge {
        let limited: Vec<&str> = self
            .meter
            .names()
            .filter(|name| quota.hard.contains_key(*name))
            .collect();
        if limited.is_empty() || !self.meter.is_in(&quota.scopes, self.object) {
            return Charge::Nothing;
        }
        if limited.iter().any(|name| !quota.used.contains_key(*name)) {
            let mut names = limited;
            names.sort_unstable();
            let names = names.join(",");
            return Charge::TooMuch(format!("status unknown for quota: {}, resources: {names}", quota.name));
        }
        let mut more = self.meter.usage(self.object);
        if let Some(old) = self.old.filter(|old| self.meter.is_in(&quota.scopes, old)) {
            let before = self.meter.usage(old);
            for (name, amount) in &mut more {
                *amount = before
                    .get(name)
                    .map_or(*amount, |before| amount.minus_down_to_zero(*before));
            }
        }
        more.retain(|name, amount| quota.hard.contains_key(name) && !amount.is_zero());
        if more.is_empty() {
            return Charge::Nothing;
        }
        let mut all = quota.used.clone();
        add(&mut all, &more);
        let exceeded = |name: &str| all.get(name) > quota.hard.get(name);
        let of_exceeded = |amounts: &Amounts| {
            let shown = amounts
                .iter()
                .filter(|(name, _)| more.contains_key(*name) && exceeded(name));
            shown
                .map(|(name, amount)| format!("{name}={amount}"))
                .collect::<Vec<_>>()
                .join(",")
        };
        if more.keys().any(|name| exceeded(name)) {
            return Charge::TooMuch(format!(
                "exceeded quota: {}, requested: {}, used: {}, limited: {}",
                quota.name,
                of_exceeded(&more),
                of_exceeded(&quota.used),
                of_exceeded(&quota.hard)
            ));
        }
        Charge::Fits(Used { all, more })
    }
}

impl ResourceQuota {
    /// Takes over the amounts of a charge.
    pub fn take(&mut self, used: Used) {
        self.used = used.all;
    }
}

/// Adds amounts to others.
pub(super) fn add(to: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let sum = to.get(name).map_or(*amount, |before| before.plus(*amount));
        to.insert(name.clone(), sum);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(plural: &str) -> Names {
        Names {
            group: String::new(),
            version: "v1".into(),
            kind: "X".into(),
            plural: plural.into(),
            singular: "x".into(),
            short_names: Vec::new(),
            categories: Vec::new(),
            namespaced: true,
        }
    }

    fn quota(hard: &Value, used: &Value) -> ResourceQuota {
        ResourceQuota::read(&json!({
            "metadata": {"name": "q"}, "spec": {"hard": hard}, "status": {"hard": hard, "used": used},
        }))
    }

    fn charge(plural: &str, hard: &Value, used: &Value, old: Option<&Value>, object: &Value) -> String {
        match Asked::of(&names(plural), object, old)
            .unwrap()
            .charge(&quota(hard, used))
        {
            Charge::Nothing => "nothing".to_owned(),
            Charge::TooMuch(why) => why,
            Charge::Fits(Used { all, .. }) => {
                let all = all.iter().map(|(name, amount)| format!("{name}={amount}"));
                all.collect::<Vec<_>>().join(",")
            }
        }
    }

    #[test]
    fn a_new_object_counts_under_the_names_that_are_limited() {
        let hard = json!({"secrets": "2", "count/secrets": "10", "pods": "1"});
        let used = json!({"secrets": "1", "count/secrets": "1", "pods": "0"});
        let object = json!({});
        assert_eq!(
            charge("secrets", &hard, &used, None, &object),
            "count/secrets=2,pods=0,secrets=2"
        );
        assert_eq!(charge("configmaps", &hard, &used, None, &object), "nothing");
    }

    #[test]
    fn the_refusal_names_what_is_too_much() {
        let hard = json!({"secrets": "2", "count/secrets": "10"});
        let used = json!({"secrets": "2", "count/secrets": "2"});
        assert_eq!(
            charge("secrets", &hard, &used, None, &json!({})),
            "exceeded quota: q, requested: secrets=1, used: secrets=2, limited: secrets=2"
        );
        let unknown = json!({"secrets": "2"});
        assert_eq!(
            charge("secrets", &hard, &unknown, None, &json!({})),
            "status unknown for quota: q, resources: count/secrets,secrets"
        );
    }

    #[test]
    fn a_change_counts_what_it_adds() {
        let hard = json!({"services": "1", "services.nodeports": "2"});
        let used = json!({"services": "1", "services.nodeports": "1"});
        let with = |ports: usize| json!({"spec": {"type": "NodePort", "ports": vec![json!({"port": 1}); ports]}});
        let of = |before: usize, after: usize| charge("services", &hard, &used, Some(&with(before)), &with(after));
        assert_eq!(of(1, 2), "services=1,services.nodeports=2");
        assert_eq!(of(2, 1), "nothing");
        assert_eq!(
            of(1, 3),
            "exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=1, limited: services.nodeports=2"
        );
    }

    #[test]
    fn amounts_are_compared_as_amounts() {
        let hard = json!({"secrets": "1k"});
        assert_eq!(
            charge("secrets", &hard, &json!({"secrets": "999"}), None, &json!({})),
            "secrets=1k"
        );
        assert!(charge("secrets", &hard, &json!({"secrets": "1k"}), None, &json!({})).contains("exceeded"));
    }
}
