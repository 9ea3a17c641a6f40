//! Role, ClusterRole, RoleBinding and ClusterRoleBinding.

use async_trait::async_trait;
use generic_apiserver::{
    FieldError, Status,
    registry::{Column, Findings, NameRule, ResourceDefinition, Strategy, StrategyContext, naming::name_problems},
};
use serde_json::{Value, json};

use super::{
    builtin::{self, Builtin},
    cells::{age, column, items, text, wide},
    selector,
};

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn definitions() -> [ResourceDefinition; 4] {
    let cluster_role = include_str!("../../schemas/clusterroles.rbac.authorization.k8s.io.json");
    let cluster_role_binding = include_str!("../../schemas/clusterrolebindings.rbac.authorization.k8s.io.json");
    let role = include_str!("../../schemas/roles.rbac.authorization.k8s.io.json");
    let role_binding = include_str!("../../schemas/rolebindings.rbac.authorization.k8s.io.json");
    [
        rbac("ClusterRole", "clusterroles", cluster_role)
            .cluster_scoped()
            .columns(vec![created_at()])
            .strategy(Rules { namespaced: false })
            .build(),
        rbac("ClusterRoleBinding", "clusterrolebindings", cluster_role_binding)
            .cluster_scoped()
            .columns(binding_columns())
            .strategy(Binding {
                namespaced: false,
                roles: &["ClusterRole"],
            })
            .build(),
        rbac("Role", "roles", role)
            .columns(vec![created_at()])
            .strategy(Rules { namespaced: true })
            .build(),
        rbac("RoleBinding", "rolebindings", role_binding)
            .columns(binding_columns())
            .strategy(Binding {
                namespaced: true,
                roles: &["Role", "ClusterRole"],
            })
            .build(),
    ]
}

fn rbac(kind: &str, plural: &str, schema: &str) -> Builtin {
    builtin::of((GROUP, "v1"), kind, plural, schema)
        .create_on_update()
        .name_rule(NameRule::PathSegment)
}

fn created_at() -> Column {
    Column {
        r#type: "time".to_owned(),
        ..column("Created At", "When the object was created.", |object| {
            text(object, "/metadata/creationTimestamp").into()
        })
    }
}

fn binding_columns() -> Vec<Column> {
    vec![
        column("Role", "The role that is granted.", |object| {
            format!("{}/{}", text(object, "/roleRef/kind"), text(object, "/roleRef/name")).into()
        }),
        age(),
        wide("Users", "Users that receive it.", |object| {
            subjects(object, "User").into()
        }),
        wide("Groups", "Groups that receive it.", |object| {
            subjects(object, "Group").into()
        }),
        wide("ServiceAccounts", "Service accounts that receive it.", |object| {
            subjects(object, "ServiceAccount").into()
        }),
    ]
}

fn subjects(object: &Value, kind: &str) -> String {
    let of_kind = items(object, "/subjects")
        .iter()
        .filter(|subject| subject["kind"] == kind);
    let names = of_kind.map(|subject| match text(subject, "/namespace") {
        "" => text(subject, "/name").to_owned(),
        namespace => format!("{namespace}/{}", text(subject, "/name")),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// The rules of a Role or ClusterRole.
struct Rules {
    namespaced: bool,
}

#[async_trait]
impl Strategy for Rules {
    async fn validate_create(&self, _: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        let rules = items(object, "/rules").iter().enumerate();
        let mut errors: Vec<FieldError> = rules
            .flat_map(|(position, rule)| self.validate(&format!("rules[{position}]"), rule))
            .collect();
        if object["aggregationRule"].is_object() {
            errors.extend(validate_aggregation(object));
        }
        Ok(Findings {
            errors,
            ..Findings::default()
        })
    }

    async fn validate_update(
        &self,
        context: &StrategyContext<'_>,
        object: &Value,
        _old: &Value,
    ) -> Result<Findings, Status> {
        self.validate_create(context, object).await
    }
}

impl Rules {
    fn validate(&self, path: &str, rule: &Value) -> Vec<FieldError> {
        let has = |field: &str| rule[field].as_array().is_some_and(|list| !list.is_empty());
        let mut errors = Vec::new();
        if !has("verbs") {
            errors.push(FieldError::required(format!("{path}.verbs"), ""));
        }
        if has("nonResourceURLs") {
            let value = rule["nonResourceURLs"].clone();
            if self.namespaced {
                let detail = "namespaced rules cannot apply to non-resource URLs";
                errors.push(FieldError::invalid(
                    format!("{path}.nonResourceURLs"),
                    value.clone(),
                    detail,
                ));
            }
            if has("apiGroups") || has("resources") || has("resourceNames") {
                let detail = "rules cannot apply to both regular resources and non-resource URLs";
                errors.push(FieldError::invalid(format!("{path}.nonResourceURLs"), value, detail));
            }
            return errors;
        }
        if !has("apiGroups") {
            let detail = "resource rules must supply at least one api group";
            errors.push(FieldError::required(format!("{path}.apiGroups"), detail));
        }
        if !has("resources") {
            let detail = "resource rules must supply at least one resource";
            errors.push(FieldError::required(format!("{path}.resources"), detail));
        }
        errors
    }
}

/// Which other roles a ClusterRole is made of.
fn validate_aggregation(object: &Value) -> Vec<FieldError> {
    const FIELD: &str = "aggregationRule.clusterRoleSelectors";
    let selectors = items(object, "/aggregationRule/clusterRoleSelectors");
    if selectors.is_empty() {
        let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        return vec![FieldError::required(FIELD, detail)];
    }
    let mut errors = Vec::new();
    for (position, selector) in selectors.iter().enumerate() {
        let path = format!("{FIELD}[{position}]");
        let problems = selector::validate(&path, selector);
        let is_usable = problems.is_empty();
        errors.extend(problems);
        if !is_usable {
            errors.push(FieldError::invalid_absent(path, "invalid label selector."));
        }
    }
    errors
}

/// The role and the subjects of a binding.
struct Binding {
    namespaced: bool,
    /// Kinds of roles that may be granted.
    roles: &'static [&'static str],
}

#[async_trait]
impl Strategy for Binding {
    fn apply_defaults(&self, object: &mut Value) {
        default_groups(object);
    }

    async fn validate_create(&self, _: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        Ok(Findings {
            errors: self.validate(object),
            ..Findings::default()
        })
    }

    async fn validate_update(&self, _: &StrategyContext<'_>, object: &Value, old: &Value) -> Result<Findings, Status> {
        let mut errors = self.validate(object);
        if object["roleRef"] != old["roleRef"] {
            errors.push(FieldError::invalid(
                "roleRef",
                capitalized(&object["roleRef"]),
                "field is immutable",
            ));
        }
        Ok(Findings {
            errors,
            ..Findings::default()
        })
    }
}

impl Binding {
    fn validate(&self, object: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let (group, kind) = (text(object, "/roleRef/apiGroup"), text(object, "/roleRef/kind"));
        if group != GROUP {
            errors.push(FieldError::not_supported("roleRef.apiGroup", group, &[GROUP]));
        }
        if !self.roles.contains(&kind) {
            errors.push(FieldError::not_supported("roleRef.kind", kind, self.roles));
        }
        let name = text(object, "/roleRef/name");
        if name.is_empty() {
            errors.push(FieldError::required("roleRef.name", ""));
        }
        let problems = name_problems(NameRule::PathSegment, name).into_iter();
        errors.extend(problems.map(|problem| FieldError::invalid("roleRef.name", name, problem)));
        for (position, subject) in items(object, "/subjects").iter().enumerate() {
            errors.extend(self.validate_subject(&format!("subjects[{position}]"), subject));
        }
        errors
    }

    fn validate_subject(&self, path: &str, subject: &Value) -> Vec<FieldError> {
        let (kind, group, name) = (
            text(subject, "/kind"),
            text(subject, "/apiGroup"),
            text(subject, "/name"),
        );
        let mut errors = Vec::new();
        if name.is_empty() {
            errors.push(FieldError::required(format!("{path}.name"), ""));
        }
        match kind {
            "ServiceAccount" => {
                if !name.is_empty() {
                    let problems = name_problems(NameRule::Subdomain, name).into_iter();
                    errors.extend(problems.map(|problem| FieldError::invalid(format!("{path}.name"), name, problem)));
                }
                if !group.is_empty() {
                    errors.push(FieldError::not_supported(format!("{path}.apiGroup"), group, &[""]));
                }
                if !self.namespaced && text(subject, "/namespace").is_empty() {
                    errors.push(FieldError::required(format!("{path}.namespace"), ""));
                }
            }
            "User" | "Group" => {
                if group != GROUP {
                    errors.push(FieldError::not_supported(format!("{path}.apiGroup"), group, &[GROUP]));
                }
            }
            _ => {
                let supported = ["ServiceAccount", "User", "Group"];
                errors.push(FieldError::not_supported(format!("{path}.kind"), kind, &supported));
            }
        }
        errors
    }
}

/// A struct as kube-apiserver's refusals show those that it keeps inside: with the names that its fields have in Go.
fn capitalized(reference: &Value) -> Value {
    json!({"APIGroup": reference["apiGroup"], "Kind": reference["kind"], "Name": reference["name"]})
}

fn default_groups(object: &mut Value) {
    if text(object, "/roleRef/apiGroup").is_empty() && object["roleRef"].is_object() {
        object["roleRef"]["apiGroup"] = GROUP.into();
    }
    for subject in object
        .get_mut("subjects")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if matches!(text(subject, "/kind"), "User" | "Group") && text(subject, "/apiGroup").is_empty() {
            subject["apiGroup"] = GROUP.into();
        }
    }
}
