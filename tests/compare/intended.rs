//! A difference that is meant.

/// Differences in these answers at this place are meant.
pub(crate) struct Intended {
    /// The case's name; `*` stands for anything.
    pub(crate) case: &'static str,
    /// Part of the step's line, such as the request; empty for all steps of the case.
    pub(crate) step: &'static str,
    /// Such as `status`, `header.NAME` or `body.PATH`; `*` stands for anything.
    pub(crate) field: &'static str,
    /// Why, for somebody who meets it for the first time.
    pub(crate) reason: &'static str,
}

/// One of them.
pub(crate) const fn meant(
    case: &'static str,
    step: &'static str,
    field: &'static str,
    reason: &'static str,
) -> Intended {
    Intended {
        case,
        step,
        field,
        reason,
    }
}
