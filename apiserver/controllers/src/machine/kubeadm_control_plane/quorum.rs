//! Whether a control plane keeps serving when a Machine goes or comes. Pure.
//!
//! A member of etcd runs beside each Machine that became a Node, also where kubeadm is told that etcd is external: our VM
//! layer keeps it there. A Machine whose Node is not well counts as a member that fails.

use super::decide::Member;

/// Whether the others keep serving without `going`.
pub(super) fn survives_without(members: &[Member], going: &str) -> bool {
    let others = || members.iter().filter(|member| member.name != going);
    let was_member = members.iter().any(|member| member.name == going && member.joined);
    let (voting, failing) = votes(others());
    others().any(|member| member.ready) && (!was_member || holds(voting, failing))
}

/// Whether all keep serving with one more, which may fail too.
pub(super) fn survives_one_more(members: &[Member]) -> bool {
    let (voting, failing) = votes(members.iter());
    // From one member to two there is no way that survives a failure.
    let failing = failing + usize::from(voting > 1);
    members.iter().any(|member| member.ready) && holds(voting + 1, failing)
}

fn votes<'m>(members: impl Iterator<Item = &'m Member>) -> (usize, usize) {
    members
        .filter(|member| member.joined)
        .fold((0, 0), |(voting, failing), member| {
            (voting + 1, failing + usize::from(!member.ready))
        })
}

fn holds(voting: usize, failing: usize) -> bool {
    voting - failing > voting / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    /// `y` is well, `n` is a Node that is not, `-` never became one.
    fn members(text: &str) -> Vec<Member> {
        let member = |(at, state): (usize, char)| Member {
            name: at.to_string(),
            deleting: false,
            up_to_date: true,
            ready: state == 'y',
            joined: state != '-',
            marked: false,
            crowd: 0,
            created: Timestamp::UNIX_EPOCH,
        };
        text.chars().enumerate().map(member).collect()
    }

    #[test]
    fn a_member_goes_only_if_the_others_are_a_majority_of_what_is_left() {
        let cases = [
            ("n", false),
            ("ny", true),
            ("nn", false),
            ("nyy", true),
            ("nny", false),
            ("nyyyy", true),
            ("nnyyy", true),
            ("nnnyy", false),
            // One that never joined takes nothing with it, but somebody must be there to join.
            ("-yy", true),
            ("-ny", true),
            ("-nn", false),
        ];
        for (text, expected) in cases {
            assert_eq!(survives_without(&members(text), "0"), expected, "{text}");
        }
    }

    #[test]
    fn one_more_comes_only_if_its_failure_can_be_borne() {
        for (text, expected) in [
            ("y", true),
            ("yy", true),
            ("ny", false),
            ("nyyy", true),
            ("nnyy", false),
            ("n", false),
        ] {
            assert_eq!(survives_one_more(&members(text)), expected, "{text}");
        }
    }
}
