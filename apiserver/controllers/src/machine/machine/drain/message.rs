//! What a drain waits for, in words.

use std::collections::BTreeMap;

/// Pods that are named of those with the same reason.
const NAMED: usize = 3;
/// Reasons that are told.
const REASONS: usize = 5;

/// The pods that are left, by name.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// By what was refused.
    pub(super) refused: BTreeMap<String, Vec<String>>,
    /// Their deletion is under way.
    pub(super) ending: Vec<String>,
    /// They have work to do that is waited for.
    pub(super) completing: Vec<String>,
    /// Their turn comes.
    pub(super) later: Vec<String>,
}

impl Left {
    /// None if nothing is left. What is refused comes first: it goes by nobody's waiting.
    pub(super) fn message(&self) -> Option<String> {
        let all = self.refused.values().map(Vec::len).sum::<usize>()
            + self.ending.len()
            + self.completing.len()
            + self.later.len();
        if all == 0 {
            return None;
        }
        let refused = self.refused.iter().take(REASONS);
        let mut parts: Vec<_> = refused.map(|(why, pods)| format!("{}: {why}", list(pods))).collect();
        if let Some(more) = self.refused.len().checked_sub(REASONS).filter(|more| *more > 0) {
            parts.push(format!("{more} other reasons"));
        }
        let groups = [
            (&self.ending, "being deleted, still on the Node"),
            (&self.completing, "waited for until done"),
            (&self.later, "to be evicted"),
        ];
        let groups = groups.into_iter().filter(|(pods, _)| !pods.is_empty());
        parts.extend(groups.map(|(pods, what)| format!("{}: {what}", list(pods))));
        let noun = if all == 1 { "Pod has" } else { "Pods have" };
        Some(format!("{all} {noun} not moved yet: {}", parts.join("; ")))
    }
}

fn list(pods: &[String]) -> String {
    let mut names: Vec<_> = pods.iter().map(String::as_str).collect();
    names.sort_unstable();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let names = names.join(", ");
    if more > 0 {
        format!("{names} and {more} more")
    } else {
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("x/p{n}")).collect()
    }

    #[test]
    fn what_refuses_is_told_first_with_some_of_its_pods() {
        assert_eq!(Left::default().message(), None);
        let left = Left {
            refused: [("the budget x/web needs 2 healthy pods".to_owned(), pods(5))].into(),
            ending: vec!["y/a".to_owned()],
            completing: vec!["y/job".to_owned()],
            later: vec!["y/b".to_owned()],
        };
        let expected = "8 Pods have not moved yet: x/p0, x/p1, x/p2 and 2 more: the budget x/web needs 2 healthy pods; \
                        y/a: being deleted, still on the Node; y/job: waited for until done; y/b: to be evicted";
        assert_eq!(left.message().as_deref(), Some(expected));
    }

    #[test]
    fn many_reasons_do_not_make_a_long_message() {
        let left = Left {
            refused: (0..9).map(|n| (format!("reason {n}"), pods(1))).collect(),
            ..Left::default()
        };
        let message = left.message().unwrap();
        assert!(message.ends_with("x/p0: reason 4; 4 other reasons"), "{message}");
    }
}
