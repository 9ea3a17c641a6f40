//! Expressions over a write, as policies and match conditions have them.

use serde_json::{Value as Json, json};

use crate::schema::cel::{Budget, Named, NamedProgram, Program, Value};

/// The variables of every expression. Those that have no value in a place are null there.
const VARIABLES: [&str; 5] = ["object", "oldObject", "request", "namespaceObject", "params"];
const OUT_OF_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

/// What expressions see.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen<'a> {
    pub(super) object: Option<&'a Json>,
    pub(super) old_object: Option<&'a Json>,
    pub(super) request: Option<&'a Json>,
    pub(super) namespace: Option<&'a Json>,
    pub(super) params: Option<&'a Json>,
}

/// An expression that was compiled, if it could be.
#[derive(Debug)]
pub(super) struct Expression {
    source: String,
    program: Result<Program, String>,
}

/// Expressions that share variables and a budget.
pub(super) struct Run<'a> {
    variables: [Value<'a>; VARIABLES.len()],
    named: Named<'a>,
    budget: Budget,
}

/// All that may be spent is spent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutOfBudget;

impl std::fmt::Display for OutOfBudget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(OUT_OF_BUDGET)
    }
}

impl Expression {
    /// Compiles an expression that may use `variables.name` for these names.
    pub(super) fn compile(source: String, named: &[Box<str>]) -> Expression {
        Expression {
            program: Program::over(&source, &VARIABLES, named),
            source,
        }
    }

    pub(super) fn source(&self) -> &str {
        self.source.trim()
    }

    /// The same as a variable for others.
    pub(super) fn named(self, name: String) -> NamedProgram {
        NamedProgram {
            name: name.into(),
            program: self.program,
        }
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(seen: Seen<'a>, named: &'a [NamedProgram], budget: Budget) -> Run<'a> {
        let read = |json: Option<&'a Json>| json.map_or(Value::Null, Value::untyped);
        Run {
            variables: [
                read(seen.object),
                read(seen.old_object),
                read(seen.request),
                read(seen.namespace),
                read(seen.params),
            ],
            named: Named::new(named, VARIABLES.len()),
            budget,
        }
    }

    /// What an expression comes to, or in kube-apiserver's words why it comes to nothing.
    pub(super) fn value(&mut self, expression: &Expression) -> Result<Result<Value<'a>, String>, OutOfBudget> {
        let program = match &expression.program {
            Ok(program) => program,
            Err(why) => return Ok(Err(format!("compilation error: compilation failed: {why}"))),
        };
        self.budget.begin();
        let outcome = program.run_over(&self.variables, &mut self.named, &mut self.budget);
        if !self.budget.end() {
            return Err(OutOfBudget);
        }
        let failed = |fault| format!("expression '{}' resulted in error: {fault}", expression.source);
        Ok(outcome.map_err(failed))
    }
}

/// Conditions that must all hold for a policy or a webhook to be asked.
#[derive(Debug, Default)]
pub(super) struct MatchConditions(Vec<Expression>);

impl MatchConditions {
    pub(super) fn new(conditions: impl IntoIterator<Item = Expression>) -> MatchConditions {
        MatchConditions(conditions.into_iter().collect())
    }

    /// Whether all hold; one that does not decides, whatever is wrong with others. The error says what is.
    pub(super) fn hold(&self, seen: Seen<'_>, named: &[NamedProgram]) -> Result<bool, String> {
        if self.0.is_empty() {
            return Ok(true);
        }
        let seen = Seen {
            namespace: None,
            ..seen
        };
        let mut run = Run::new(seen, named, Budget::of_match_conditions());
        let mut errors = Vec::new();
        for condition in &self.0 {
            match run.value(condition).map_err(|spent| spent.to_string())? {
                Ok(Value::Bool(false)) => return Ok(false),
                Ok(_) => {}
                Err(why) => errors.push(why),
            }
        }
        match errors.as_slice() {
            [] => Ok(true),
            [one] => Err(one.clone()),
            all => Err(format!("[{}]", all.join(", "))),
        }
    }
}

/// The `request` of expressions and, with a UID and the objects, of webhooks.
pub(super) fn request_object(request: &super::AdmissionRequest<'_>) -> Json {
    let names = &request.resource.names;
    let kind = json!({"group": request.kind.group, "version": request.kind.version, "kind": request.kind.kind});
    let resource = json!({"group": names.group, "version": names.version, "resource": names.plural});
    let mut object = json!({
        "uid": "",
        "kind": kind,
        "resource": resource,
        "requestKind": kind,
        "requestResource": resource,
        "operation": request.operation.as_str(),
        "userInfo": user_info(request.user),
        "dryRun": request.dry_run,
        "options": request.options_object(),
    });
    for (field, text) in [
        ("subResource", request.subresource),
        ("requestSubResource", request.subresource),
        ("name", request.name),
        ("namespace", request.namespace),
    ] {
        if !text.is_empty() {
            object[field] = text.into();
        }
    }
    object
}

fn user_info(user: &crate::authn::User) -> Json {
    let mut info = json!({});
    if !user.name.is_empty() {
        info["username"] = user.name.as_str().into();
    }
    if let Some(uid) = &user.uid {
        info["uid"] = uid.as_str().into();
    }
    if !user.groups.is_empty() {
        info["groups"] = json!(user.groups);
    }
    if !user.extra.is_empty() {
        info["extra"] = json!(user.extra);
    }
    info
}
