//! What the guest trusts changes, and so does what its kube-apiserver accepts: in time, told truly, and disturbing nobody else.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use guestcluster_credentials::{Floor, Level, NumericDate, SigningKey, Trust};
use guestcluster_tests::{eventually, seeds};
use jiff::Timestamp;
use parking_lot::MutexGuard;

use super::{
    asked::Asked,
    guest::{Guest, Standing, hash_of, token},
};

/// Longest until a revoked token is refused everywhere, and until that is told.
const IN_FORCE: u64 = 30;
const REPORTED: u64 = 40;
/// Longest until kube-apiserver has fetched the keys anew after its start: it tries every ten seconds.
const PATIENCE: u64 = 60;

/// In order, as each goes on from where the guest stood before: a guest has one supervisor.
#[test]
fn what_a_guest_trusts_changes_in_time_and_disturbs_nobody() {
    let guest = Guest::shared();
    let mut standing = guest.standing.lock();
    let undisturbed = Undisturbed::begin(guest);
    let mut delays = Vec::new();
    for round in seeds() {
        delays.push(a_revocation_and_a_floor_are_in_force_before_they_are_told(
            guest,
            &mut standing,
            round,
        ));
    }
    undisturbed.end("by the first key");
    what_must_not_follow_changes_nothing(guest, &standing);
    a_killed_agent_catches_up_and_the_first_key_ends(guest, &mut standing);
    a_restarted_kube_apiserver_needs_no_supervisor(guest, &mut standing);
    if delays.len() > 1 {
        print(&delays);
    }
}

/// Seconds from the supervisor's write until the token was refused, until the subject's was, and until the node reported.
struct Delays {
    revoked: f64,
    floor: f64,
    reported: f64,
}

fn a_revocation_and_a_floor_are_in_force_before_they_are_told(
    guest: &Guest,
    standing: &mut MutexGuard<'_, Standing>,
    round: u64,
) -> Delays {
    let id = format!("lost-{round}");
    let lost = token(&guest.authority.first, "alice", Level::View, &id);
    let left = token(
        &guest.authority.first,
        &format!("bob-{round}"),
        Level::View,
        &format!("left-{round}"),
    );
    let expires = NumericDate::from(Timestamp::now()).plus(3600);
    let floor = Floor {
        subject: Some(format!("bob-{round}@corp.example")),
        issued_before: NumericDate::from(Timestamp::now()),
    };
    // Both are in use all the time, so kube-apiserver remembers them for as long as it can.
    let asked = guest.asked();
    assert_eq!((asked.get(&lost, "/api"), asked.get(&left, "/api")), (200, 200));
    let written = Instant::now();
    let second = guest.authority.second.public().clone();
    guest.trust(standing, |trust| {
        trust.revoked.insert(id, expires);
        // Rotation begins on the way: both keys count before the second one signs anything.
        if !trust.keys.contains(&second) {
            trust.keys.push(second);
        }
        trust.floors.push(floor);
    });
    let (mut revoked, mut floored) = (None, None);
    let reported = eventually(REPORTED, "the node reports", || {
        // Asked before: a report of what is not yet so would be seen.
        let is_reported = guest.is_reported(&standing.trust);
        for (token, since) in [(&lost, &mut revoked), (&left, &mut floored)] {
            match asked.get(token, "/api") {
                401 => drop(since.get_or_insert_with(|| written.elapsed().as_secs_f64())),
                200 => assert!(
                    !is_reported && since.is_none(),
                    "accepted after it was refused or reported to be"
                ),
                other => panic!("{other}"),
            }
        }
        if is_reported {
            Ok(written.elapsed().as_secs_f64())
        } else {
            Err(standing.node.log_tail())
        }
    });
    let delays = Delays {
        revoked: revoked.unwrap(),
        floor: floored.unwrap(),
        reported,
    };
    assert!(
        delays.revoked < 30.0 && delays.floor < 30.0,
        "{} {}",
        delays.revoked,
        delays.floor
    );
    assert_eq!(
        guest.report().unwrap().hash,
        guestcluster_credentials::trust_object::hash(&guest.offered())
    );
    delays
}

/// The same guest's, by its key, and newer: anything else is refused, and what is in force stays.
fn what_must_not_follow_changes_nothing(guest: &Guest, standing: &MutexGuard<'_, Standing>) {
    let now = guest.offered();
    let before = hash_of(&standing.node.configuration());
    let next = |change: fn(&mut Trust)| {
        let mut trust = standing.trust.clone();
        trust.generation += 1;
        trust.keys.clear();
        change(&mut trust);
        trust
    };
    let stranger = SigningKey::generate().unwrap();
    let ours = &guest.authority.trust_key;
    let refused = [
        (next(|trust| trust.generation -= 2).sign(ours), "goes back: generation"),
        (
            next(|trust| "another".clone_into(&mut trust.guest_uid)).sign(ours),
            "is of guest \"another\"",
        ),
        (next(|_| {}).sign(&stranger), "not signed by a known key"),
    ];
    for (jws, why) in refused {
        guest.offer(&jws.unwrap());
        // The words of the log are the sign that the agent has seen it.
        let words = why.trim_start_matches("goes back: ");
        eventually(IN_FORCE, why, || {
            let log = standing.node.log_tail();
            let last = log.lines().rfind(|line| line.contains("stays as it was"));
            if last.is_some_and(|line| line.contains(words)) {
                Ok(())
            } else {
                Err(log)
            }
        });
        assert_eq!(hash_of(&standing.node.configuration()), before, "{why}");
    }
    let asked = guest.asked();
    assert_eq!(asked.get(&guest.token("dave", Level::View), "/api"), 200);
    guest.offer(&now);
}

/// What was written while no agent ran is in force soon after one does. The first key's tokens end, others don't.
fn a_killed_agent_catches_up_and_the_first_key_ends(guest: &Guest, standing: &mut MutexGuard<'_, Standing>) {
    let asked = guest.asked();
    let by_first = guest.token("erin", Level::View);
    let by_second = token(&guest.authority.second, "carol", Level::View, "carol-3");
    standing.node.kill_agent();
    guest.trust(standing, |trust| drop(trust.keys.remove(0)));
    assert_eq!(
        (asked.get(&by_first, "/api"), asked.get(&by_second, "/api")),
        (200, 200),
        "nothing needs the agent"
    );
    standing.node.start_agent();
    let begun = Instant::now();
    eventually(IN_FORCE, "the first key ends", || {
        assert_eq!(asked.get(&by_second, "/api"), 200);
        let code = asked.get(&by_first, "/api");
        if code == 401 {
            Ok(())
        } else {
            Err(standing.node.log_tail())
        }
    });
    assert!(begun.elapsed() < Duration::from_secs(IN_FORCE));
}

/// From its disk alone a node accepts what it accepted before: the trust object is gone, and the agent was.
fn a_restarted_kube_apiserver_needs_no_supervisor(guest: &Guest, standing: &mut MutexGuard<'_, Standing>) {
    let by_second = token(&guest.authority.second, "carol", Level::Admin, "carol-4");
    let before = fs::read(standing.node.configuration()).unwrap();
    standing.node.kill_agent();
    guest
        .admin
        .run("delete configmap guestclusters-trust -n guestclusters-system")
        .success();
    standing.host.stop_apiserver();
    standing.host.start_apiserver();
    let asked = guest.asked();
    assert_eq!(asked.get(&by_second, "/api"), 401, "it has no keys");
    standing.node.start_agent();
    await_code(&asked, &by_second, 200, PATIENCE);
    assert_eq!(fs::read(standing.node.configuration()).unwrap(), before);
    assert_eq!(
        asked.get(&guest.token("erin", Level::View), "/api"),
        401,
        "what was revoked stays so"
    );
}

#[track_caller]
fn await_code(asked: &Asked, token: &str, code: u16, seconds: u64) {
    eventually(seconds, "the guest judges anew", || match asked.get(token, "/api") {
        found if found == code => Ok(()),
        found => Err(found.to_string()),
    });
}

/// Somebody whom no change is about, who sends requests all the time.
struct Undisturbed {
    failures: thread::JoinHandle<(usize, Vec<u16>)>,
    stop: std::sync::Arc<AtomicBool>,
}

impl Undisturbed {
    fn begin(guest: &'static Guest) -> Self {
        let stop = std::sync::Arc::<AtomicBool>::default();
        let (stopped, asked, token) = (stop.clone(), guest.asked(), guest.token("carol", Level::Admin));
        let failures = thread::spawn(move || {
            let (mut sent, mut failed) = (0, Vec::new());
            while !stopped.load(Relaxed) {
                sent += 1;
                let code = asked.get(&token, "/api/v1/namespaces/default");
                if code != 200 {
                    failed.push(code);
                }
                // Often enough to notice, and seldom enough to leave others the machine.
                thread::sleep(Duration::from_millis(50));
            }
            (sent, failed)
        });
        Self { failures, stop }
    }

    fn end(self, what: &str) {
        self.stop.store(true, Relaxed);
        let (sent, failed) = self.failures.join().unwrap();
        assert!(failed.is_empty() && sent > 10, "{what}: {failed:?} of {sent}");
    }
}

fn print(delays: &[Delays]) {
    println!("| seconds after the write | least | median | most |\n|---|---|---|---|");
    print_row("a revoked token is refused", delays.iter().map(|delays| delays.revoked));
    print_row("a token below a floor is", delays.iter().map(|delays| delays.floor));
    print_row("the node has reported", delays.iter().map(|delays| delays.reported));
}

fn print_row(name: &str, values: impl Iterator<Item = f64>) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (median, most) = (values[values.len() / 2], values[values.len() - 1]);
    println!("| {name} | {:.1} | {median:.1} | {most:.1} |", values[0]);
}
