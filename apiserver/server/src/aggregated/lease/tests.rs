use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

use super::{
    super::testing::{Host, Wire, until},
    *,
};

/// Long enough for a busy machine; only who must wait for the end of a lease waits so long.
const LONG: Terms = Terms {
    duration: Duration::from_secs(20),
    renew_within: Duration::from_secs(10),
    renew_every: Duration::from_millis(100),
    retry: Duration::from_millis(20),
};
/// For those who wait for the end.
const SHORT: Terms = Terms {
    duration: Duration::from_secs(2),
    renew_within: Duration::from_millis(600),
    ..LONG
};

fn contender(client: Client, name: &str, terms: Terms) -> Lease {
    let lease = Lease::new(client, name.to_owned());
    Lease { terms, ..lease }
}

async fn acquire(lease: &Lease) -> Held {
    let held = timeout(Duration::from_secs(20), lease.acquire(&CancellationToken::new())).await;
    held.expect("the lease must come").unwrap()
}

async fn spec(host: &Host) -> LeaseSpec {
    let api: Api<LeaseObject> = Api::namespaced(host.admin(), NAMESPACE);
    api.get(NAME).await.unwrap().spec.unwrap()
}

#[tokio::test]
async fn the_first_holds_it_and_the_next_gets_it_when_it_is_released() {
    let host = Host::start().await;
    let (ann, ben) = (
        contender(host.server(), "ann", LONG),
        contender(host.server(), "ben", LONG),
    );
    let held = acquire(&ann).await;
    let first = spec(&host).await;
    assert!(first.holder_identity.as_deref() == Some("ann"));
    assert_eq!(
        (first.lease_transitions, first.lease_duration_seconds),
        (Some(0), Some(20))
    );

    let waiting = tokio::spawn(async move { acquire(&ben).await });
    until("three renewals", async || {
        spec(&host).await.renew_time > first.renew_time
    })
    .await;
    assert!(!waiting.is_finished() && !held.lost().is_cancelled());
    assert_eq!(spec(&host).await.acquire_time, first.acquire_time);

    let released = Instant::now();
    held.release().await;
    let next = waiting.await.unwrap();
    assert!(
        released.elapsed() < LONG.duration,
        "nobody waits for a lease that was given up"
    );
    let second = spec(&host).await;
    assert!(second.holder_identity.as_deref() == Some("ben"));
    assert_eq!(second.lease_transitions, Some(1));
    assert!(!next.lost().is_cancelled());
}

#[tokio::test]
async fn of_many_only_one_holds_it() {
    let host = Host::start().await;
    let holders = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let contending: Vec<_> = (0..8)
        .map(|number| {
            let lease = contender(host.server(), &number.to_string(), LONG);
            let holders = holders.clone();
            tokio::spawn(async move {
                let held = acquire(&lease).await;
                assert!(holders.lock().is_empty(), "two at a time");
                holders.lock().push(number);
                // For a time in which the others ask too, and none may get it.
                sleep(Duration::from_millis(30)).await;
                assert_eq!(holders.lock().pop(), Some(number));
                held.release().await;
            })
        })
        .collect();
    for task in contending {
        task.await.unwrap();
    }
    assert_eq!(spec(&host).await.lease_transitions, Some(7));
}

#[tokio::test]
async fn a_holder_that_dies_is_followed_when_its_time_is_over() {
    let host = Host::start().await;
    let held = acquire(&contender(host.server(), "ann", SHORT)).await;
    // A process that is gone renews nothing and gives nothing up.
    held.renewing.abort();
    let died = Instant::now();
    let next = acquire(&contender(host.server(), "ben", SHORT)).await;
    assert!(died.elapsed() + SHORT.renew_every >= SHORT.duration);
    assert!(!next.lost().is_cancelled());
}

#[tokio::test]
async fn a_holder_that_comes_back_under_its_name_goes_on_at_once() {
    let host = Host::start().await;
    let held = acquire(&contender(host.server(), "ann", LONG)).await;
    held.renewing.abort();
    let died = Instant::now();
    let again = acquire(&contender(host.server(), "ann", LONG)).await;
    assert!(died.elapsed() < LONG.duration);
    assert_eq!(spec(&host).await.lease_transitions, Some(0), "it is the same holder");
    assert!(!again.lost().is_cancelled());
}

#[tokio::test]
async fn a_holder_that_is_cut_off_knows_before_another_begins() {
    let host = Host::start().await;
    let wire = Arc::new(Wire::default());
    let held = acquire(&contender(wire.to(&host), "ann", SHORT)).await;
    let next = contender(host.server(), "ben", SHORT);
    let next = tokio::spawn(async move { (acquire(&next).await, Instant::now()) });
    until("renewed", async || {
        spec(&host).await.renew_time > spec(&host).await.acquire_time
    })
    .await;

    wire.cut();
    held.lost().cancelled().await;
    let lost = Instant::now();
    let (next, began) = next.await.unwrap();
    assert!(lost < began, "both would have held it");
    wire.mend();
    held.release().await;
    assert!(!next.lost().is_cancelled());
    assert!(
        spec(&host).await.holder_identity.as_deref() == Some("ben"),
        "it was not ours to give up"
    );
}

#[tokio::test]
async fn a_short_disturbance_loses_nothing() {
    let host = Host::start().await;
    let wire = Arc::new(Wire::default());
    wire.fail(3);
    let held = acquire(&contender(wire.to(&host), "ann", LONG)).await;
    let before = spec(&host).await.renew_time;
    wire.fail(3);
    until("renewed", async || spec(&host).await.renew_time > before).await;
    assert!(!held.lost().is_cancelled());
}

#[tokio::test]
async fn a_lease_that_somebody_takes_by_force_is_lost_at_once() {
    let host = Host::start().await;
    let held = acquire(&contender(host.server(), "ann", LONG)).await;
    let api: Api<LeaseObject> = Api::namespaced(host.admin(), NAMESPACE);
    let by_force = json!({"spec": {"holderIdentity": "an operator", "renewTime": MicroTime(Timestamp::now())}});
    api.patch(NAME, &PatchParams::default(), &Patch::Merge(by_force))
        .await
        .unwrap();
    timeout(LONG.duration, held.lost().cancelled()).await.unwrap();
}

#[tokio::test]
async fn a_lease_that_is_deleted_is_made_again() {
    let host = Host::start().await;
    let held = acquire(&contender(host.server(), "ann", LONG)).await;
    let api: Api<LeaseObject> = Api::namespaced(host.admin(), NAMESPACE);
    api.delete(NAME, &kube::api::DeleteParams::default()).await.unwrap();
    until("made again", async || api.get_opt(NAME).await.unwrap().is_some()).await;
    assert!(!held.lost().is_cancelled());
}

#[tokio::test]
async fn whoever_stops_waiting_gets_nothing() {
    let host = Host::start().await;
    let _held = acquire(&contender(host.server(), "ann", LONG)).await;
    let stop = CancellationToken::new();
    let waiting = contender(host.server(), "ben", LONG);
    let stopped = stop.clone();
    let waiting = tokio::spawn(async move { waiting.acquire(&stopped).await.is_none() });
    stop.cancel();
    assert!(timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap());
}

#[tokio::test]
async fn dropped_it_is_renewed_no_more() {
    let host = Host::start().await;
    let held = acquire(&contender(host.server(), "ann", SHORT)).await;
    let lost = held.lost();
    drop(held);
    lost.cancelled().await;
    acquire(&contender(host.server(), "ben", SHORT)).await;
}
