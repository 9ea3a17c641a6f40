//! What takes long because everybody is given time: all of it at once, each on a supervisor of its own. One after the other, nearly
//! all of that time would be spent waiting.

use std::thread;

use crate::{certificates, delegation, kinds, namespaces};

const ALL: [(&str, fn()); 5] = [
    (
        "the serving authority",
        certificates::the_serving_authority_is_kept_trusted_and_renewed,
    ),
    (
        "certificates in files",
        certificates::files_are_read_again_when_they_change,
    ),
    (
        "a silent host",
        delegation::nobody_gets_in_while_the_host_is_silent_or_gone,
    ),
    ("missing kinds", kinds::what_is_missing_is_told_and_waited_for),
    (
        "a namespace that ends",
        namespaces::a_namespace_waits_for_our_server_and_nothing_else_does,
    ),
];

#[test]
fn what_is_disturbed_is_told_mended_or_waited_for() {
    let failed: Vec<&str> = thread::scope(|scope| {
        let running = ALL.map(|(name, disturb)| (name, scope.spawn(disturb)));
        let ended = running.into_iter().map(|(name, running)| (name, running.join()));
        ended.filter_map(|(name, end)| end.is_err().then_some(name)).collect()
    });
    assert!(failed.is_empty(), "why is told above: {failed:?}");
}
