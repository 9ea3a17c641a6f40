//! Which failures of the host may be over at the next try.

/// Whether the host could not be reached, had too much to do or failed. A refusal is none: it stays one.
pub(super) fn is_transient(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code == 429 || status.code >= 500,
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn refusals_stay_and_failures_pass() {
        let answered = |code| kube::Error::Api(Box::new(Status::failure("no", "Reason").with_code(code)));
        for (code, transient) in [
            (400, false),
            (403, false),
            (404, false),
            (429, true),
            (500, true),
            (503, true),
        ] {
            assert_eq!(is_transient(&answered(code)), transient, "{code}");
        }
        assert!(is_transient(&kube::Error::Service("connection refused".into())));
    }
}
