//! What every store must do, run over each of them, and the real etcd that tests run against.

pub(crate) mod etcd_server;
pub(crate) mod rules;

/// Makes a test of each rule. `$open` gives, in a future, what opens a keyspace of a store of its own by a name.
macro_rules! conformance {
    ($open:expr) => {
        crate::storage::tests::conformance!($open,
            a_write_happens_only_when_all_comparisons_hold
            of_several_writes_of_a_key_the_last_one_counts
            pages_go_on_where_the_last_one_ended
            a_watch_begins_anywhere_in_the_history
            keyspaces_share_nothing_but_the_revisions
            concurrent_writers_are_seen_once_each_and_in_order
            a_watch_comes_to_every_revision_that_was_told
        );
    };
    ($open:expr, $($rule:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                let open = $open.await;
                crate::storage::tests::rules::$rule(&open).await;
            }
        )*
    };
}
pub(crate) use conformance;
