//! What a ResourceQuota may say, in kube-apiserver's words. Pure.

use std::collections::BTreeSet;

use generic_apiserver::{FieldError, Status, registry::naming::qualified_name_problems};
use serde_json::{Map, Value};

use crate::quantity::Quantity;

/// Compute resources of pods.
const COMPUTE: [&str; 6] = [
    "cpu",
    "memory",
    "limits.cpu",
    "limits.memory",
    "requests.cpu",
    "requests.memory",
];
/// Names without a prefix that count objects.
const OBJECTS: [&str; 9] = [
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];
const STORAGE: [&str; 4] = [
    "ephemeral-storage",
    "limits.ephemeral-storage",
    "requests.ephemeral-storage",
    "requests.storage",
];
const SCOPES: [&str; 7] = [
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "PriorityClass",
    "Terminating",
    "VolumeAttributesClass",
];
/// Scopes that a pod is in or not, with nothing to compare.
const PLAIN_SCOPES: [&str; 5] = [
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "Terminating",
];
const OPPOSITES: [[&str; 2]; 2] = [["BestEffort", "NotBestEffort"], ["NotTerminating", "Terminating"]];

/// What is wrong with the spec. `Err` for an amount that is none: such a body can't even be read.
pub(super) fn spec(object: &Value) -> Result<Vec<FieldError>, Status> {
    let spec = &object["spec"];
    let none = Map::new();
    let hard = spec["hard"].as_object().unwrap_or(&none);
    let mut errors = Vec::new();
    for (name, amount) in hard {
        let quantity = Quantity::read(amount).map_err(|problem| {
            let text = format!("ResourceQuota in version \"v1\" cannot be handled as a ResourceQuota: {problem}");
            Status::bad_request(text)
        })?;
        let field = format!("spec.hard[{name}]");
        errors.extend(name_errors(&field, name));
        errors.extend(amount_errors(&field, name, quantity));
    }
    errors.extend(scope_errors(&spec["scopes"], hard));
    errors.extend(selector_errors(&spec["scopeSelector"], hard));
    // Each is said once.
    let said = std::mem::take(&mut errors);
    for error in said {
        if !errors.contains(&error) {
            errors.push(error);
        }
    }
    Ok(errors)
}

/// What is wrong with the status, which has the same names and amounts.
pub(super) fn status(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for part in ["hard", "used"] {
        for (name, amount) in object["status"][part].as_object().into_iter().flatten() {
            let field = format!("status.{part}[{name}]");
            errors.extend(name_errors(&field, name));
            if let Ok(amount) = Quantity::read(amount) {
                errors.extend(amount_errors(&field, name, amount));
            }
        }
    }
    errors
}

/// Whether the scopes are the same as before.
pub(super) fn scopes_unchanged(object: &Value, old: &Value) -> Option<FieldError> {
    let scopes = |object: &Value| -> BTreeSet<String> { texts(&object["spec"]["scopes"]).map(str::to_owned).collect() };
    let why = "field is immutable";
    (scopes(object) != scopes(old)).then(|| match &object["spec"]["scopes"] {
        Value::Null => FieldError::invalid_absent("spec.scopes", why),
        given => FieldError::invalid("spec.scopes", given.clone(), why),
    })
}

/// Requests that are larger than their limits.
pub(super) fn warnings(object: &Value) -> Vec<String> {
    let hard = &object["spec"]["hard"];
    let amount = |name: &str| Quantity::read(&hard[name]).ok();
    let of = |resource: &str| {
        let mut name = format!("requests.{resource}");
        if amount(&name).is_none() && matches!(resource, "cpu" | "memory") {
            resource.clone_into(&mut name);
        }
        let limit = format!("limits.{resource}");
        let (request, most) = (amount(&name)?, amount(&limit)?);
        (request > most).then(|| format!("ResourceQuota {name} ({request}) should be less than {limit} ({most})"))
    };
    ["cpu", "memory", "storage", "ephemeral-storage"]
        .into_iter()
        .filter_map(of)
        .collect()
}

fn name_errors(field: &str, name: &str) -> Vec<FieldError> {
    let invalid = |problem: &str| FieldError::invalid(field, name, problem);
    let mut errors: Vec<FieldError> = qualified_name_problems(name)
        .iter()
        .map(|problem| invalid(problem))
        .collect();
    if name.contains('/') || is_standard(name) {
        return errors;
    }
    // Of a name that may stand in other places, kube-apiserver has less to say.
    if errors.is_empty() && name != "storage" {
        errors.push(invalid("must be a standard resource type or fully qualified"));
    }
    errors.push(invalid("must be a standard resource for quota"));
    errors
}

fn amount_errors(field: &str, name: &str, amount: Quantity) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let shown = amount.to_string();
    if amount.is_negative() {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid(field, shown.as_str(), detail));
    }
    if is_whole(name) && !amount.is_integer() {
        errors.push(FieldError::invalid(field, shown, "must be an integer"));
    }
    errors
}

fn scope_errors(scopes: &Value, hard: &Map<String, Value>) -> Vec<FieldError> {
    let invalid = |detail: &str| FieldError::invalid("spec.scopes", scopes.clone(), detail);
    let mut errors = Vec::new();
    for scope in texts(scopes) {
        if !SCOPES.contains(&scope) {
            errors.push(invalid("unsupported scope"));
        }
        let misplaced = hard.keys().filter(|name| is_standard(name) && !applies(scope, name));
        errors.extend(misplaced.map(|_| invalid("unsupported scope applied to resource")));
    }
    let given: BTreeSet<&str> = texts(scopes).collect();
    errors.extend(contradictions(&given).map(|()| invalid("conflicting scopes")));
    errors
}

fn selector_errors(selector: &Value, hard: &Map<String, Value>) -> Vec<FieldError> {
    const PATH: &str = "spec.scopeSelector.matchExpressions";
    const ONLY_EXISTS: &str = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, \
        ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or \
        ResourceQuotaScopeCrossNamespacePodAffinity";
    let whole = |detail: &str| FieldError::invalid(PATH, selector.clone(), detail);
    let mut errors = Vec::new();
    let mut given = BTreeSet::new();
    let requirements = selector["matchExpressions"].as_array();
    for requirement in requirements.into_iter().flatten() {
        let text = |field: &str| requirement[field].as_str().unwrap_or_default();
        let (scope, operator) = (text("scopeName"), text("operator"));
        let invalid =
            |field: &str, value: Value, detail: &str| FieldError::invalid(format!("{PATH}.{field}"), value, detail);
        if !SCOPES.contains(&scope) {
            errors.push(invalid("scopeName", scope.into(), "unsupported scope"));
        }
        let misplaced = hard.keys().filter(|name| is_standard(name) && !applies(scope, name));
        errors.extend(misplaced.map(|_| whole("unsupported scope applied to resource")));
        if PLAIN_SCOPES.contains(&scope) && operator != "Exists" {
            errors.push(invalid("operator", operator.into(), ONLY_EXISTS));
        }
        let has_values = texts(&requirement["values"]).next().is_some();
        match operator {
            "In" | "NotIn" if !has_values => errors.push(FieldError::required(
                format!("{PATH}.values"),
                "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
            )),
            "Exists" | "DoesNotExist" if has_values => errors.push(invalid(
                "values",
                requirement["values"].clone(),
                "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
            )),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => errors.push(invalid("operator", operator.into(), "not a valid selector operator")),
        }
        given.insert(scope);
    }
    errors.extend(contradictions(&given).map(|()| whole("conflicting scopes")));
    errors
}

/// One for each pair of scopes that nothing can be in both of.
fn contradictions(scopes: &BTreeSet<&str>) -> impl Iterator<Item = ()> {
    OPPOSITES
        .into_iter()
        .filter(|pair| pair.iter().all(|scope| scopes.contains(scope)))
        .map(|_| ())
}

/// Whether quotas know a name that has no prefix.
fn is_standard(name: &str) -> bool {
    let huge = ["hugepages-", "requests.hugepages-"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    huge || [&COMPUTE[..], &OBJECTS, &STORAGE].concat().contains(&name)
}

/// Whether a scope says anything of what a standard name limits.
fn applies(scope: &str, name: &str) -> bool {
    match scope {
        "Terminating" | "NotTerminating" | "NotBestEffort" | "PriorityClass" | "CrossNamespacePodAffinity" => {
            name == "pods" || COMPUTE.contains(&name)
        }
        "BestEffort" => name == "pods",
        "VolumeAttributesClass" => matches!(name, "persistentvolumeclaims" | "requests.storage"),
        _ => true,
    }
}

/// Whether only whole amounts make sense: of objects, and of everything that is somebody's own resource.
fn is_whole(name: &str) -> bool {
    let own = name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.");
    OBJECTS.contains(&name) || (own && qualified_name_problems(&format!("requests.{name}")).is_empty())
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(spec_value: Value) -> Vec<String> {
        let errors = spec(&json!({"spec": spec_value})).unwrap();
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_and_amounts() {
        let good = json!({
            "count/widgets.demo.example.io": "3", "secrets": "1k", "cpu": "1500m", "requests.nvidia.com/gpu": "1",
            "hugepages-2Mi": "2Mi", "gold.storageclass.storage.k8s.io/requests.storage": "1.5Gi", "count/secrets": 4,
        });
        assert_eq!(told(json!({"hard": good})), Vec::<String>::new());
        assert_eq!(
            told(json!({"hard": {"widgets": "1"}})),
            [
                "spec.hard[widgets]: Invalid value: \"widgets\": must be a standard resource type or fully qualified",
                "spec.hard[widgets]: Invalid value: \"widgets\": must be a standard resource for quota",
            ]
        );
        assert_eq!(
            told(json!({"hard": {"secrets": "-1.5", "count/secrets": "1.5"}})),
            [
                "spec.hard[count/secrets]: Invalid value: \"1500m\": must be an integer",
                "spec.hard[secrets]: Invalid value: \"-1500m\": must be greater than or equal to 0",
                "spec.hard[secrets]: Invalid value: \"-1500m\": must be an integer",
            ]
        );
        let refused = spec(&json!({"spec": {"hard": {"secrets": "many"}}})).unwrap_err();
        assert_eq!(refused.code, 400);
        assert!(
            refused.message.contains("quantities must match the regular expression"),
            "{}",
            refused.message
        );
    }

    #[test]
    fn scopes_belong_to_pods() {
        assert_eq!(
            told(json!({"scopes": ["NotTerminating"], "hard": {"pods": "1", "cpu": "1"}})),
            Vec::<String>::new()
        );
        assert_eq!(
            told(json!({"scopes": ["BestEffort", "NotBestEffort", "Odd"], "hard": {"secrets": "1"}})),
            [
                "unsupported scope applied to resource",
                "unsupported scope",
                "conflicting scopes"
            ]
            .map(|why| format!("spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\",\"Odd\"]: {why}"))
        );
        let selector = |scope: &str, operator: &str, values: Value| {
            let expression = json!({"scopeName": scope, "operator": operator, "values": values});
            let errors = told(json!({"hard": {"pods": "1"}, "scopeSelector": {"matchExpressions": [expression]}}));
            let shortened = errors
                .iter()
                .map(|error| error.replace("spec.scopeSelector.matchExpressions.", ""));
            shortened
                .map(|error| error.split(": ").take(2).collect::<Vec<_>>().join(" "))
                .collect::<Vec<_>>()
        };
        assert_eq!(selector("PriorityClass", "In", json!(["high"])), Vec::<String>::new());
        assert_eq!(selector("PriorityClass", "In", json!([])), ["values Required value"]);
        assert_eq!(
            selector("PriorityClass", "Exists", json!(["x"])),
            ["values Invalid value"]
        );
        assert_eq!(
            selector("PriorityClass", "Is", json!(["x"])),
            ["operator Invalid value"]
        );
        assert_eq!(selector("BestEffort", "In", json!(["x"])), ["operator Invalid value"]);
        assert_eq!(selector("Odd", "Exists", json!([])), ["scopeName Invalid value"]);
    }

    #[test]
    fn requests_above_their_limits_are_warned_of() {
        let hard = json!({"cpu": "2", "limits.cpu": "1500m", "requests.memory": "1Gi", "limits.memory": "2Gi"});
        let object = json!({"spec": {"hard": hard}});
        assert_eq!(
            warnings(&object),
            ["ResourceQuota cpu (2) should be less than limits.cpu (1500m)"]
        );
    }

    #[test]
    fn scopes_stay() {
        let of = |scopes: Value| json!({"spec": {"scopes": scopes}});
        assert_eq!(scopes_unchanged(&of(json!(["A", "B"])), &of(json!(["B", "A"]))), None);
        let changed = scopes_unchanged(&of(json!(["A"])), &of(Value::Null)).unwrap();
        assert_eq!(
            changed.to_string(),
            "spec.scopes: Invalid value: [\"A\"]: field is immutable"
        );
    }
}
