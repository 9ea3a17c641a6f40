//! The certificate that our server shows: a new authority without a failed request, and files that somebody else renews.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use guestcluster_credentials::x509::{CertificateAuthority, CertifiedKey};
use guestcluster_tests::{Kubectl, Start, Supervisor, Team, binaries, eventually};

use crate::{MODE, direct};

const SECRET: &str = "-n guestclusters-system get secret guestcluster-apiserver-serving";
const SERVICE: &str = "guestcluster-apiserver.guestclusters-system.svc";

/// One supervisor for all: each leaves it as it was, but for the last one's new authority.
pub(crate) fn the_serving_authority_is_kept_trusted_and_renewed() {
    let supervisor = Supervisor::fast(MODE);
    a_lost_authority_is_written_again(&supervisor);
    the_registrations_trust_is_mended_whoever_breaks_it(&supervisor);
    a_new_authority_takes_over_without_a_failed_request(&supervisor);
}

fn a_lost_authority_is_written_again(supervisor: &Supervisor) {
    let admin = supervisor.kubectl();
    let first = data(&admin, "ca.crt");
    admin
        .run("-n guestclusters-system delete secret guestcluster-apiserver-serving")
        .success();
    eventually(30, "it is there again, the same", || match admin.run(SECRET).code {
        0 if data(&admin, "ca.crt") == first => Ok(()),
        code => Err(code.to_string()),
    });
    admin.run("get guestclusters").success();
}

fn the_registrations_trust_is_mended_whoever_breaks_it(supervisor: &Supervisor) {
    let kubectl = supervisor.kubectl();
    let trusted = || kubectl.json("get apiservice v1alpha1.guestclusters.dev")["spec"].clone();
    let before = trusted();
    assert!(
        before["caBundle"].as_str().is_some_and(|bundle| !bundle.is_empty()),
        "{before}"
    );
    for wrong in [
        r#"{"spec":{"caBundle":null}}"#,
        r#"{"spec":{"caBundle":null,"insecureSkipTLSVerify":true}}"#,
    ] {
        let patch = [
            "patch",
            "apiservice",
            "v1alpha1.guestclusters.dev",
            "--type=merge",
            "-p",
            wrong,
        ];
        kubectl.args(&patch, None).success();
        eventually(30, "the trust is as it was", || {
            let spec = trusted();
            if spec == before { Ok(()) } else { Err(spec.to_string()) }
        });
    }
    eventually(30, "kube-apiserver reaches us again", || {
        let output = kubectl.run("get guestclusters");
        if output.code == 0 { Ok(()) } else { Err(output.stderr) }
    });
}

fn a_new_authority_takes_over_without_a_failed_request(supervisor: &Supervisor) {
    let admin = supervisor.kubectl();
    let (first, ours) = (data(&admin, "ca.crt"), direct::way(supervisor, None));
    assert_eq!(trusted_now(&admin), first.trim_end());
    let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            while !done.load(SeqCst) {
                // Each a process of its own: kube-apiserver keeps connections, our server's port does not.
                admin.run("get guestclusters").success();
                ours.trusting(&BASE64_STANDARD.encode(trusted_now(&admin)))
                    .reaches()
                    .unwrap();
                asked.fetch_add(1, SeqCst);
            }
        });
        admin
            .run("-n guestclusters-system annotate secret guestcluster-apiserver-serving guestclusters.dev/rotate=now")
            .success();
        eventually(60, "the next one is trusted", || {
            let (next, trusted) = (data(&admin, "next-ca.crt"), trusted_now(&admin));
            let both = !next.is_empty() && trusted.contains(next.trim_end()) && trusted.contains(first.trim_end());
            if both { Ok(()) } else { Err(trusted) }
        });
        eventually(90, "it signs", || {
            let now = data(&admin, "ca.crt");
            if now == first { Err(now) } else { Ok(()) }
        });
        eventually(30, "our server shows what it signed", || {
            ours.trusting(&BASE64_STANDARD.encode(data(&admin, "ca.crt"))).reaches()
        });
        done.store(true, SeqCst);
        asking.join().unwrap();
    });
    assert!(asked.load(SeqCst) > 20, "{asked:?}");
    let trusted = trusted_now(&admin);
    assert!(
        trusted.contains(first.trim_end()),
        "what the first one signed may still be shown"
    );
    assert!(ours.trusting(&BASE64_STANDARD.encode(&first)).reaches().is_err());
    let secret = admin.json(SECRET);
    assert!(secret["metadata"]["annotations"]["guestclusters.dev/rotate"].is_null());
    let events = admin
        .run("-n guestclusters-system events --for secret/guestcluster-apiserver-serving")
        .success();
    assert!(
        events.contains("ServingAuthorityAnnounced") && events.contains("ServingAuthoritySwitched"),
        "{events}"
    );
}

pub(crate) fn files_are_read_again_when_they_change() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, _) = CertificateAuthority::generate("of somebody else").unwrap();
    let (other, _) = CertificateAuthority::generate("of yet somebody else").unwrap();
    put(folder.path(), &issue(&authority));
    let mut start = Start {
        mode: MODE,
        layers: Some("none".to_owned()),
        ..Start::default()
    };
    for (option, file) in [("--tls-cert-file", "tls.crt"), ("--tls-private-key-file", "tls.key")] {
        start
            .arguments
            .extend([option.to_owned(), folder.path().join(file).display().to_string()]);
    }
    start.ca_bundle = Some(format!("{}{}", authority.certificate(), other.certificate()));
    let supervisor = Supervisor::start(start);
    let admin = supervisor.kubectl();
    admin.run("get guestclusters").success();
    let shows = |authority: &CertificateAuthority| {
        let trust = BASE64_STANDARD.encode(authority.certificate());
        direct::way(&supervisor, None).trusting(&trust).reaches()
    };
    assert_eq!(shows(&authority), Ok(()));

    // Half of a pair is told and not shown.
    let renewed = issue(&other);
    fs::write(folder.path().join("tls.crt"), &renewed.certificate).unwrap();
    eventually(30, "half of a pair is told", || {
        let log = supervisor.log();
        if log.contains("the last one stays") {
            Ok(())
        } else {
            Err(log)
        }
    });
    assert_eq!(shows(&authority), Ok(()));
    fs::write(folder.path().join("tls.key"), &renewed.key).unwrap();
    eventually(30, "the new one is shown", || shows(&other));
    admin.run("get guestclusters").success();
    let checks = |endpoint: &str| {
        let way = direct::way(&supervisor, None);
        let answer = way.trusting(&BASE64_STANDARD.encode(other.certificate()));
        answer.get(&format!("/{endpoint}?verbose"), &[]).unwrap()
    };
    assert!(checks("readyz").contains("[+]serving-certificate ok"));
    assert!(
        !checks("livez").contains("serving-certificate"),
        "a restart mends no certificate"
    );
    assert!(!supervisor.log().contains("PRIVATE KEY"));
    assert!(admin.run(SECRET).code != 0, "no authority of our own is made");

    // Of a life that began five minutes ago, so little is left that somebody must have forgotten it.
    put(folder.path(), &issue_for(&other, Duration::from_secs(30)));
    eventually(40, "an event tells of a certificate that nobody renews", || {
        let events = admin.run("-n guestclusters-system events --for service/guestcluster-apiserver --types=Warning");
        if events.stdout.contains("ServingCertificateExpires") {
            Ok(())
        } else {
            Err(events.stdout)
        }
    });
}

#[test]
fn files_that_can_not_be_served_are_refused_by_name() {
    let team = Team::new(MODE);
    let folder = tempfile::tempdir().unwrap();
    let (authority, _) = CertificateAuthority::generate("test").unwrap();
    put(folder.path(), &issue(&authority));
    fs::write(folder.path().join("another.key"), issue(&authority).key).unwrap();
    let start = |certificate: &str, key: &str| {
        let mut command = std::process::Command::new(binaries().join("guestcluster-apiserver"));
        command
            .arg("aggregated")
            .arg("--kubeconfig")
            .arg(team.admin_kubeconfig());
        command
            .arg("--data-dir")
            .arg(folder.path().join("data"))
            .args(["--listen", "127.0.0.1:0", "--layers", "none"]);
        command.arg("--tls-cert-file").arg(folder.path().join(certificate));
        command.arg("--tls-private-key-file").arg(folder.path().join(key));
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let missing = start("missing.crt", "tls.key");
    assert!(
        missing.contains("--tls-cert-file: cannot read") && missing.contains("missing.crt"),
        "{missing}"
    );
    let foreign = start("tls.crt", "another.key");
    assert!(
        foreign.contains("--tls-cert-file and --tls-private-key-file can't be used together"),
        "{foreign}"
    );
    assert!(start("tls.key", "tls.key").contains("no certificate found"));
}

fn issue(authority: &CertificateAuthority) -> CertifiedKey {
    issue_for(authority, Duration::from_hours(1))
}

fn issue_for(authority: &CertificateAuthority, validity: Duration) -> CertifiedKey {
    let addresses = [guestcluster_tests::Host::reachable_address().ip()];
    authority
        .issue_server("test", &["localhost", SERVICE], &addresses, validity)
        .unwrap()
}

fn put(folder: &Path, pair: &CertifiedKey) {
    fs::write(folder.join("tls.crt"), &pair.certificate).unwrap();
    fs::write(folder.join("tls.key"), &pair.key).unwrap();
}

/// A key of the Secret, decoded; empty when it is not there.
fn data(admin: &Kubectl, key: &str) -> String {
    let secret = admin.json(SECRET);
    decode(secret["data"][key].as_str().unwrap_or_default())
}

fn trusted_now(admin: &Kubectl) -> String {
    let registration = admin.json("get apiservice v1alpha1.guestclusters.dev");
    decode(registration["spec"]["caBundle"].as_str().unwrap())
        .trim_end()
        .to_owned()
}

fn decode(text: &str) -> String {
    String::from_utf8(BASE64_STANDARD.decode(text).unwrap()).unwrap()
}
