//! Credentials for as long as somebody works: renewed, signed by another key, revoked one by one; and no other request fails.

use std::{
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use guestcluster_tests::{Kubectl, Manifest, Supervisor, eventually, seeds};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    guest::supervisor,
    load::Load,
    login::{credential, credential_for, inside, signed_in, text},
    processes::signal,
    session::Session,
};

/// Longest for anything that is noticed, on a machine with much else to do.
const PATIENCE: u64 = 90;
/// Longest until a revocation is in force.
const IN_FORCE: f64 = 30.0;
const LIFETIME: Duration = Duration::from_secs(90);
const LIFETIMES: u32 = 3;
/// Seconds of a credential that is replaced soon.
const SHORT: u32 = 60;
const RENEWED: Duration = Duration::from_secs(3);

#[test]
#[ignore = "minutes of a working day: hack/test --full"]
fn credentials_are_renewed_rotated_and_revoked_and_no_request_fails() {
    let supervisor = supervisor();
    supervisor.kubectl().create_guest(&Manifest::new("dev", "v1.37", 1, 0));
    let ann = signed_in(&supervisor, "ann");
    let login = "guest login dev -n team-a --level edit --context-name dev --no-switch --expires-in 90s";
    ann.run(login).success();
    let ann = ann.in_context("dev");
    ann.await_success(PATIENCE, "get configmaps");
    let bea = signed_in(&supervisor, "bea");
    another_key_signs_under_load(&supervisor, &bea);

    let (begun, session) = (Instant::now(), Session::begin(&ann));
    let delays: Vec<f64> = seeds()
        .map(|round| a_revocation_is_in_force(&supervisor, &bea, round))
        .collect();
    print(delays);

    thread::sleep((LIFETIME * LIFETIMES).saturating_sub(begun.elapsed()));
    let (asked, lasted) = (session.end(), begun.elapsed());
    println!(
        "{} requests in {} s by {} credentials",
        asked.answered,
        lasted.as_secs(),
        asked.credentials
    );
    assert!(asked.failures.is_empty(), "{:?}", asked.failures);
    let lived = usize::try_from(lasted.as_secs() / LIFETIME.as_secs()).unwrap();
    assert!(asked.credentials > lived, "{} in {lasted:?}", asked.credentials);
}

/// The whole of it: told to the guest, signing, and the first key forgotten.
fn another_key_signs_under_load(supervisor: &Supervisor, person: &Kubectl) {
    let admin = supervisor.kubectl();
    let first = credential(person, "dev");
    let in_guest = inside(supervisor, &first, text(&first, "token"));
    in_guest.await_success(PATIENCE, "get namespace default");
    let (load, begun) = (Load::begin(&first), Instant::now());
    admin
        .run("annotate guestcluster dev guestclusters.dev/rotate-signing-key=now")
        .success();
    let mut fresh = Fresh::of(person);
    eventually(PATIENCE, "another key signs", || {
        let next = fresh.credential();
        load.go_on_by(next);
        if kid(next) == kid(&first) {
            Err(kid(next))
        } else {
            Ok(())
        }
    });
    in_guest.run("get namespace default").success();

    // As if it had been stolen: what it has signed would count for an hour, so all of that is refused, and it is forgotten.
    let all = json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestRevocation",
        "metadata": {"generateName": "stolen-"}, "spec": {"clusterRef": {"name": "dev"}, "all": true},
    });
    let written = admin.run_with("create -f - -o json", Some(&all.to_string())).success();
    let written: Value = serde_json::from_str(&written).unwrap();
    let floor: Timestamp = text(&written["spec"], "issuedBefore").parse().unwrap();
    eventually(PATIENCE, "a credential after it", || {
        let next = credential_for(person, "dev", SHORT);
        load.go_on_by(&next);
        let issued = part(&next, 1)["iat"].as_i64().unwrap();
        if issued > floor.as_second() {
            Ok(())
        } else {
            Err(format!("{issued} {floor}"))
        }
    });
    eventually(PATIENCE, "the first key is forgotten", || {
        load.go_on_by(fresh.credential());
        let read = in_guest.run("get namespace default");
        if read.stderr.contains("Unauthorized") {
            Ok(())
        } else {
            Err(format!("{read:?}"))
        }
    });
    let (lasted, answered) = (begun.elapsed().as_secs_f64(), load.end());
    println!("another key: {answered} requests in {lasted:.0} s, none failed");
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let rate = answered as f64 / lasted;
    assert!(rate > 50.0, "{rate} a second is no load");
}

/// A credential that is never older than a few seconds: a person can have 32 that live.
struct Fresh<'a> {
    person: &'a Kubectl,
    credential: Value,
    since: Instant,
}

impl<'a> Fresh<'a> {
    fn of(person: &'a Kubectl) -> Self {
        Self {
            person,
            credential: credential_for(person, "dev", SHORT),
            since: Instant::now(),
        }
    }

    fn credential(&mut self) -> &Value {
        if self.since.elapsed() >= RENEWED {
            *self = Self::of(self.person);
        }
        &self.credential
    }
}

/// From the command of an administrator to the first refusal, in seconds. Every eighth time the agent is killed meanwhile.
fn a_revocation_is_in_force(supervisor: &Supervisor, person: &Kubectl, round: u64) -> f64 {
    let credential = credential_for(person, "dev", 600);
    let in_guest = inside(supervisor, &credential, text(&credential, "token"));
    in_guest.run("get namespace default").success();
    let deleted = Instant::now();
    let delete = format!(
        "delete guestcredential {} --wait=false",
        text(&credential, "credentialName")
    );
    supervisor.kubectl().run(&delete).success();
    // Seldom enough for the pause before it is started again to stay short.
    if round % 8 == 2 {
        signal(supervisor, "guestcluster-ap", "KILL");
    }
    eventually(PATIENCE, "it is refused", || {
        let read = in_guest.run("get namespace default");
        if read.stderr.contains("Unauthorized") {
            Ok(())
        } else {
            Err(format!("{read:?}"))
        }
    });
    let delay = deleted.elapsed().as_secs_f64();
    assert!(delay < IN_FORCE, "{delay}");
    delay
}

fn kid(credential: &Value) -> String {
    text(&part(credential, 0), "kid").to_owned()
}

/// Header or claims of a token.
fn part(credential: &Value, number: usize) -> Value {
    let part = text(credential, "token").split('.').nth(number).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn print(mut delays: Vec<f64>) {
    delays.sort_by(f64::total_cmp);
    let (least, median, most) = (delays[0], delays[delays.len() / 2], delays[delays.len() - 1]);
    println!(
        "{} revocations, from the command to the refusal: least {least:.1} s, median {median:.1} s, most {most:.1} s",
        delays.len()
    );
}
