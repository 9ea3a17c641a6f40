//! Why an expression has no value, and how much it may cost to find one.

use std::fmt;

/// Why an expression has no value, in cel-go's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Such as `no such key: a` or `division by zero`.
    Error(String),
    /// No operator or function takes values of these types.
    NoSuchOverload,
    /// It would take longer than a rule may.
    TooExpensive,
}

impl Fault {
    pub(super) fn error(text: impl Into<String>) -> Fault {
        Fault::Error(text.into())
    }

    pub(super) fn conversion(from: &str, to: &str) -> Fault {
        Fault::Error(format!("type conversion error from '{from}' to '{to}'"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Error(text) => f.write_str(text),
            Fault::NoSuchOverload => f.write_str("no such overload"),
            Fault::TooExpensive => f.write_str("operation cancelled: actual cost limit exceeded"),
        }
    }
}

/// What the evaluation of one object's rules may still cost, in tenths of kube-apiserver's units: a unit is about one step,
/// or ten bytes of a text.
#[derive(Debug)]
pub(crate) struct Budget {
    /// For all rules of the object.
    left: u64,
    /// For the rule that runs.
    rule: u64,
}

/// As kube-apiserver's `PerCallLimit`: about a tenth of a second there, less here.
const RULE: u64 = 1_000_000 * TENTHS;
/// As kube-apiserver's `RuntimeCELCostBudget`.
const OBJECT: u64 = 10_000_000 * TENTHS;
const TENTHS: u64 = 10;

impl Budget {
    pub(in crate::schema) fn new() -> Budget {
        Budget { left: OBJECT, rule: 0 }
    }

    /// What all validations of an admission policy may cost, or its audit annotations.
    pub(crate) fn of_policy() -> Budget {
        Budget::new()
    }

    /// What the match conditions of a policy or webhook may cost, as kube-apiserver's `RuntimeCELCostBudgetMatchConditions`.
    pub(crate) fn of_match_conditions() -> Budget {
        Budget {
            left: OBJECT / 4,
            rule: 0,
        }
    }

    /// What all expressions about one token may cost.
    pub(crate) fn of_token() -> Budget {
        Budget::of_match_conditions()
    }

    /// Begins a rule.
    pub(crate) fn begin(&mut self) {
        self.rule = RULE;
    }

    /// Ends a rule; says whether the object's budget covers what it took.
    pub(crate) fn end(&mut self) -> bool {
        let spent = RULE - self.rule;
        let covered = spent <= self.left;
        self.left = self.left.saturating_sub(spent);
        covered
    }

    /// Whether another rule may begin.
    pub(in crate::schema) fn is_left(&self) -> bool {
        self.left > 0
    }

    /// Pays for steps.
    pub(super) fn charge(&mut self, steps: u64) -> Result<(), Fault> {
        self.take(steps.saturating_mul(TENTHS))
    }

    /// Pays for looking at this many bytes or values.
    pub(super) fn traverse(&mut self, length: usize) -> Result<(), Fault> {
        self.take(length as u64 + 1)
    }

    fn take(&mut self, tenths: u64) -> Result<(), Fault> {
        match self.rule.checked_sub(tenths) {
            Some(left) => {
                self.rule = left;
                Ok(())
            }
            None => {
                self.rule = 0;
                Err(Fault::TooExpensive)
            }
        }
    }
}
