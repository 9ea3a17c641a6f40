//! From the file's rules and mappings to those that tokens are judged by. The checks are kube-apiserver's.

use std::collections::BTreeSet;

use super::{
    configuration::{InvalidConfiguration, invalid},
    expression::{Condition, Expression},
    file,
    identity::{ClaimRules, Mapping, Prefixed, Uid},
};

type Checked<T> = Result<T, InvalidConfiguration>;

/// Domains whose keys say what Kubernetes itself means.
const RESERVED: [&str; 2] = ["kubernetes.io", "k8s.io"];
const BOTH: &str = "claim and expression can't both be set";

/// The rules of an issuer whose tokens are for these audiences.
pub(super) fn of(
    field: &str,
    audiences: Vec<String>,
    rules: Vec<file::ClaimValidationRule>,
    mappings: file::ClaimMappings,
    of_user: Vec<file::UserValidationRule>,
) -> Checked<ClaimRules> {
    let at = |name: &str| format!("{field}.claimMappings.{name}");
    let (required, conditions) = claim_rules(&format!("{field}.claimValidationRules"), rules)?;
    let username = mapping(&at("username"), mappings.username)?;
    let rules = ClaimRules {
        audiences,
        required,
        conditions,
        username: username.ok_or_else(|| invalid(&at("username"), "claim or expression is required"))?,
        groups: mapping(&at("groups"), mappings.groups)?,
        uid: uid(&at("uid"), mappings.uid)?,
        extra: extra(&at("extra"), mappings.extra)?,
        of_user: user_rules(&format!("{field}.userValidationRules"), of_user)?,
    };
    if rules.takes_emails_unverified() {
        let used_in = "claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression";
        return Err(invalid(
            &at("username.expression"),
            &format!(
                "claims.email_verified must be used in {used_in} when claims.email is used in claimMappings.username.expression"
            ),
        ));
    }
    Ok(rules)
}

impl ClaimRules {
    /// Whether an expression makes names of emails, and none looks whether they were verified.
    fn takes_emails_unverified(&self) -> bool {
        let Mapping::Expression(username) = &self.username else {
            return false;
        };
        let conditions = self.conditions.iter().map(Condition::expression);
        let mut others = self.extra.iter().map(|(_, value)| value).chain(conditions);
        let verified = "email_verified";
        username.selects("email") && !username.selects(verified) && !others.any(|other| other.selects(verified))
    }
}

type Required = Vec<(String, String)>;

fn claim_rules(field: &str, rules: Vec<file::ClaimValidationRule>) -> Checked<(Required, Vec<Condition>)> {
    let (mut required, mut conditions) = (Vec::new(), Vec::new());
    let mut seen = Seen::default();
    for (index, rule) in rules.into_iter().enumerate() {
        let at = |name: &str| format!("{field}[{index}].{name}");
        match (rule.claim.as_str(), given(rule.expression)) {
            ("", None) => return Err(invalid(&format!("{field}[{index}]"), "claim or expression is required")),
            ("", Some(_)) if !rule.required_value.is_empty() => {
                return Err(invalid(
                    &at("requiredValue"),
                    "may not be specified when expression is set",
                ));
            }
            ("", Some(expression)) => {
                seen.once(&at("expression"), &expression)?;
                let message = rule.message.unwrap_or_default();
                conditions.push(Condition::of_claims(&at("expression"), expression, message)?);
            }
            (_, Some(_)) => return Err(invalid(&format!("{field}[{index}]"), BOTH)),
            (_, None) if rule.message.is_some_and(|message| !message.is_empty()) => {
                return Err(invalid(&at("message"), "may not be specified when claim is set"));
            }
            (_, None) => {
                seen.once(&at("claim"), &rule.claim)?;
                required.push((rule.claim, rule.required_value));
            }
        }
    }
    Ok((required, conditions))
}

fn mapping(field: &str, mapping: file::Prefixed) -> Checked<Option<Mapping>> {
    let at = |name: &str| format!("{field}.{name}");
    match (mapping.claim.is_empty(), given(mapping.expression), mapping.prefix) {
        (true, None, None) => Ok(None),
        (true, None, Some(_)) => Err(invalid(&at("claim"), "required where there is a prefix")),
        (false, None, None) => Err(invalid(
            &at("prefix"),
            "required where there is a claim; it may be \"\"",
        )),
        (false, None, Some(prefix)) => Ok(Some(Mapping::Claim(Prefixed {
            claim: mapping.claim,
            prefix,
        }))),
        (true, Some(_), Some(_)) => Err(invalid(&at("prefix"), "may not be specified when expression is set")),
        (true, Some(expression), None) => {
            Expression::of_claims(&at("expression"), expression).map(|expression| Some(Mapping::Expression(expression)))
        }
        (false, Some(_), _) => Err(invalid(field, BOTH)),
    }
}

fn uid(field: &str, uid: file::Uid) -> Checked<Option<Uid>> {
    match (uid.claim.is_empty(), given(uid.expression)) {
        (true, None) => Ok(None),
        (false, None) => Ok(Some(Uid::Claim(uid.claim))),
        (true, Some(expression)) => {
            let expression = Expression::of_claims(&format!("{field}.expression"), expression)?;
            Ok(Some(Uid::Expression(expression)))
        }
        (false, Some(_)) => Err(invalid(field, BOTH)),
    }
}

fn extra(field: &str, mappings: Vec<file::Extra>) -> Checked<Vec<(String, Expression)>> {
    let mut seen = Seen::default();
    let mut extra = Vec::new();
    for (index, mapping) in mappings.into_iter().enumerate() {
        let at = |name: &str| format!("{field}[{index}].{name}");
        extra_key(&mapping.key).map_err(|problem| invalid(&at("key"), &format!("{:?} {problem}", mapping.key)))?;
        seen.once(&at("key"), &mapping.key)?;
        let expression =
            given(Some(mapping.value_expression)).ok_or_else(|| invalid(&at("valueExpression"), "required"))?;
        extra.push((mapping.key, Expression::of_claims(&at("valueExpression"), expression)?));
    }
    Ok(extra)
}

/// A key is a path of a domain, such as `example.org/foo`.
fn extra_key(key: &str) -> Result<(), String> {
    let is_label = |label: &str| {
        let plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        !label.is_empty() && label.bytes().all(plain) && !label.starts_with('-') && !label.ends_with('-')
    };
    let in_path = |letter: u8| letter.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&letter);
    let is_good = |(domain, path): (&str, &str)| {
        domain.len() <= 253 && domain.split('.').all(is_label) && !path.is_empty() && path.bytes().all(in_path)
    };
    if key.chars().any(char::is_uppercase) {
        return Err("must be lowercase".to_owned());
    }
    if !key.split_once('/').is_some_and(is_good) {
        return Err("must be a domain-prefixed path, such as acme.io/foo".to_owned());
    }
    let domain = key.split('/').next().unwrap_or_default();
    let is_below = |reserved: &&str| {
        domain
            .strip_suffix(*reserved)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if RESERVED.iter().any(is_below) {
        return Err("is taken: k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use".to_owned());
    }
    Ok(())
}

fn user_rules(field: &str, rules: Vec<file::UserValidationRule>) -> Checked<Vec<Condition>> {
    let mut seen = Seen::default();
    let mut conditions = Vec::new();
    for (index, rule) in rules.into_iter().enumerate() {
        let at = format!("{field}[{index}].expression");
        let expression = given(Some(rule.expression)).ok_or_else(|| invalid(&at, "required"))?;
        seen.once(&at, &expression)?;
        conditions.push(Condition::of_user(&at, expression, rule.message)?);
    }
    Ok(conditions)
}

/// What may stand in a list once.
#[derive(Default)]
struct Seen(BTreeSet<String>);

impl Seen {
    fn once(&mut self, field: &str, text: &str) -> Checked<()> {
        if self.0.insert(text.to_owned()) {
            Ok(())
        } else {
            Err(invalid(field, &format!("{text:?} is there twice")))
        }
    }
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
