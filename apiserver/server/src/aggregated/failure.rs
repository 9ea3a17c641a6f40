//! Why the host did not do what it was asked.

use kube::runtime::watcher;

/// Whether the host could not be reached, had too much to do or failed: the next try may succeed. A refusal stays one.
pub(super) fn is_transient(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => status.code == 429 || status.code >= 500,
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => true,
        _ => false,
    }
}

/// For people: the host's own words, or how it could not be reached.
pub(crate) fn reason(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        kube::Error::Api(status) => format!("HTTP {}", status.code),
        kube::Error::Service(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// The same of a watch.
pub(crate) fn reason_of_watch(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => reason(error),
        watcher::Error::WatchError(status) if !status.message.is_empty() => status.message.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answered(code: u16, message: &str) -> kube::Error {
        kube::Error::Api(Box::new(Status::failure(message, "Reason").with_code(code)))
    }

    #[test]
    fn refusals_stay_and_failures_pass() {
        for (code, transient) in [
            (400, false),
            (403, false),
            (404, false),
            (429, true),
            (500, true),
            (503, true),
        ] {
            assert_eq!(is_transient(&answered(code, "no")), transient, "{code}");
        }
        assert!(is_transient(&kube::Error::Service("connection refused".into())));
    }

    #[test]
    fn the_hosts_words_are_shown_without_ours() {
        assert_eq!(reason(&answered(403, "leases is forbidden")), "leases is forbidden");
        assert_eq!(reason(&answered(503, "")), "HTTP 503");
        assert_eq!(
            reason(&kube::Error::Service("connection refused".into())),
            "connection refused"
        );
    }
}
