//! Expressions of an `AuthenticationConfiguration`: over the claims of a token, and over the user that was made of them.

use std::{collections::BTreeSet, sync::LazyLock};

use serde_json::{Value as Json, json};

use super::{Budget, Fault, Program, Value, compile::Compiler, evaluate::Evaluation, parse, types::Type};
use crate::{authn::User, schema::Schema};

/// What an expression is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// `claims`, of which nothing is known before a token is there.
    Claims,
    /// `user`.
    User,
}

/// A compiled expression of an authenticator.
#[derive(Debug)]
pub(crate) struct IdentityProgram {
    program: Program,
    selected: BTreeSet<Box<str>>,
}

impl IdentityProgram {
    /// Compiles an expression. The error is in kube-apiserver's words.
    pub(crate) fn compile(source: &str, over: Over, wants_bool: bool) -> Result<IdentityProgram, String> {
        let mut compiler = match over {
            Over::Claims => Compiler::over("claims", Type::Map(Box::new(Type::Any))),
            Over::User => Compiler::over("user", Type::Object(user())),
        };
        parse::parsed(source, |parsed| {
            let compiled = compiler.compile(parsed);
            let (expression, of) = compiled.map_err(|why| format!("compilation failed: {why}"))?;
            if wants_bool && of != Type::Bool {
                return Err("must evaluate to bool".to_owned());
            }
            Ok(IdentityProgram {
                program: Program {
                    expression,
                    uses_old: false,
                },
                selected: compiler.selected.take().unwrap_or_default(),
            })
        })
    }

    /// Whether it selects this field of its variable.
    pub(crate) fn selects(&self, field: &str) -> bool {
        self.selected.contains(field)
    }

    /// Runs it over claims in which each number is a float, as kube-apiserver's decoder makes them.
    pub(crate) fn over_claims<'a>(&self, claims: &'a Json, budget: &mut Budget) -> Result<Value<'a>, Fault> {
        self.run(Value::untyped(claims), budget)
    }

    /// Runs it over a user, as [`user_object`] writes it.
    pub(crate) fn over_user<'a>(&self, user: &'a Json, budget: &mut Budget) -> Result<Value<'a>, Fault> {
        self.run(Value::read(user, self::user())?, budget)
    }

    fn run<'a>(&self, variable: Value<'a>, budget: &mut Budget) -> Result<Value<'a>, Fault> {
        budget.begin();
        let outcome = Evaluation::new(vec![variable], budget, None).value(&self.program.expression);
        if budget.end() {
            outcome
        } else {
            Err(Fault::TooExpensive)
        }
    }
}

/// A user as `user` has it: all four fields are always there.
pub(crate) fn user_object(user: &User) -> Json {
    json!({
        "username": user.name,
        "uid": user.uid.as_deref().unwrap_or_default(),
        "groups": user.groups,
        "extra": user.extra,
    })
}

fn user() -> &'static Schema {
    static USER: LazyLock<Schema> = LazyLock::new(|| {
        let text = json!({"type": "string"});
        let texts = json!({"type": "array", "items": text});
        let extra = json!({"type": "object", "additionalProperties": texts});
        let fields = json!({"username": text, "uid": text, "groups": texts, "extra": extra});
        let built = Schema::from_json(&json!({"type": "object", "properties": fields}));
        built.unwrap_or_else(|error| unreachable!("strings, lists and a map are a valid schema: {error}"))
    });
    &USER
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(source: &str, over: Over, wants_bool: bool) -> Result<IdentityProgram, String> {
        IdentityProgram::compile(source, over, wants_bool)
    }

    /// What kube-apiserver 1.37 says of each was asked of it.
    #[test]
    fn what_kube_apiserver_takes_of_claims_is_taken_and_nothing_else() {
        for source in [
            "claims.sub",
            "'sso:' + claims.sub",
            "dyn(claims.groups).map(g, 'x' + g)",
            "claims.groups.size()",
            "claims.sub.split('@')[0]",
            "claims.sub == 'a' ? 'b' : claims.x",
            "claims.?x.y.orValue('')",
            "claims.a.b.c",
            "claims.a__dot__b",
            "-claims.exp",
            "{'a': claims.a}",
            "claims.a in ['b']",
            "'b' in claims.a",
            "claims.a + ['b']",
            "claims.map(k, claims[k])",
            "claims",
            "has(claims.a.b)",
            "claims.?groups.optMap(g, g)",
            "claims.a.b.map(g, g)",
            "claims.a[0].map(g, g)",
            "(claims.a + claims.b).map(g, g)",
            "claims.a.split(',').map(g, g)",
            "[claims.a, claims.b]",
            "['sso:' + claims.a, 'b']",
        ] {
            compiled(source, Over::Claims, false).unwrap_or_else(|error| panic!("{source}: {error}"));
        }
        for (source, expected) in [
            ("claims.groups.map(g, 'x')", "expression of type 'any' cannot be range"),
            ("claims['a'].map(g, g)", "expression of type 'any' cannot be range"),
            (
                "claims.?g.orValue([]).map(g, g)",
                "expression of type 'any' cannot be range",
            ),
            (
                "(claims.x == 'a' ? claims.a : ['b']).map(g, g)",
                "expression of type 'any' cannot be range",
            ),
            (
                "claims.a.filter(x, x == 'a')",
                "expression of type 'any' cannot be range",
            ),
            ("[claims.a, 'b']", "expected type 'any' but found 'string'"),
            ("['b', claims.a]", "expected type 'string' but found 'any'"),
            ("user.username", "undeclared reference to 'user'"),
            ("1 + 'a'", "found no matching overload"),
            ("claims.a == 1 ? 'x' : 2", "found no matching overload"),
            ("claims.", "Syntax error"),
        ] {
            let error = compiled(source, Over::Claims, false).unwrap_err();
            assert!(error.contains(expected), "{source}: {error}");
        }
    }

    #[test]
    fn a_rule_is_a_condition_and_nothing_else() {
        for source in [
            "claims.a == 'b'",
            "claims.a && claims.b",
            "!claims.a",
            "bool(claims.a)",
            "claims.all(k, k != 'x')",
            "claims.exp - claims.nbf <= 3600",
            "type(claims.groups) == list",
            "claims.a.b.exists(x, x == 'a')",
            "'a' in claims.groups",
        ] {
            compiled(source, Over::Claims, true).unwrap_or_else(|error| panic!("{source}: {error}"));
        }
        for source in [
            "claims.a",
            "dyn(claims.a)",
            "'x'",
            "claims.?a.orValue(true)",
            "claims.a.b",
            "claims.a[0]",
        ] {
            assert_eq!(
                compiled(source, Over::Claims, true).unwrap_err(),
                "must evaluate to bool",
                "{source}"
            );
        }
        for source in [
            "user.username.startsWith('a')",
            "user.groups.all(g, g != 'x')",
            "user.extra['a'] == ['b']",
            "user.extra.?a.orValue([]).size() == 0",
            "has(user.uid)",
            "user.extra.foo__dot__com__slash__bar == ['b']",
        ] {
            compiled(source, Over::User, true).unwrap_or_else(|error| panic!("{source}: {error}"));
        }
        for (source, expected) in [
            ("user.bogus == 'x'", "undefined field 'bogus'"),
            ("user.username", "must evaluate to bool"),
            ("user.groups == 'x'", "found no matching overload"),
            ("claims.sub == 'x'", "undeclared reference to 'claims'"),
        ] {
            let error = compiled(source, Over::User, true).unwrap_err();
            assert!(error.contains(expected), "{source}: {error}");
        }
    }

    #[test]
    fn what_is_selected_is_known() {
        let selects = |source: &str, field: &str| compiled(source, Over::Claims, false).unwrap().selects(field);
        for source in [
            "claims.email",
            "claims.?email.orValue('')",
            "has(claims.email)",
            "[1].map(x, claims.email + 'x')",
        ] {
            assert!(selects(source, "email"), "{source}");
        }
        for source in [
            "claims['email']",
            "claims.sub.email",
            "claims.email_verified",
            "'claims.email'",
        ] {
            assert!(!selects(source, "email"), "{source}");
        }
    }
}
