//! A session: begun in a browser, renewed by rotating refresh tokens, and ended at the provider.

use guestcluster_tests::{Kubectl, eventually};
use serde_json::Value;

use super::provider::{ID_TOKEN_SECONDS, World, session};

/// Who asks at one time.
const AT_ONCE: usize = 12;
const OF_GUEST: &str = "127.0.0.1/team-a/dev";

fn who(person: &Kubectl) -> Value {
    person.json("auth whoami")["status"]["userInfo"].clone()
}

#[test]
fn a_person_signs_in_with_it_and_works_in_a_guest() {
    let world = World::shared();
    let ann = world.person("ann");
    let told = ann.run(&world.login());
    assert!(
        told.stderr.contains(" as sso:ann (groups: sso:devs)."),
        "{}",
        told.stderr
    );
    told.success();
    ann.run("guest login dev").success();
    assert_eq!(who(&ann)["username"], "sso:ann");
    assert_eq!(ann.names("nodes").len(), 1);
    ann.run("create namespace x").refused("is forbidden");

    let eve = world.person("eve");
    eve.run(&world.login()).success();
    let refused = eve.run("guest login dev").failure(1);
    assert!(refused.contains("you may not log in to team-a/dev"), "{refused}");
}

#[test]
fn many_at_once_use_one_refresh_token_once_and_a_logout_ends_the_session_at_the_provider() {
    let world = World::shared();
    let carl = world.person("carl");
    carl.run(&world.login()).success();
    carl.run("guest login dev --no-switch").success();
    let in_guest = carl.in_context(OF_GUEST);
    let token = || session(&carl)["refreshToken"].as_str().expect("one").to_owned();
    // The provider ends the whole session when a refresh token is shown twice.
    for round in 0..2 {
        let before = token();
        eventually(2 * ID_TOKEN_SECONDS, "the session is renewed", || {
            let asked: Vec<_> = (0..AT_ONCE).map(|_| carl.start("auth whoami")).collect();
            for running in asked {
                running.finish().success();
            }
            if token() == before {
                Err("not yet".to_owned())
            } else {
                Ok(())
            }
        });
        in_guest.run("get nodes").success();
        let spent = (round == 1).then(|| world.refresh(&before));
        if let Some(answer) = spent {
            assert_eq!(answer["error"], "invalid_grant", "a spent one: {answer}");
        }
    }
    // The last one was shown after its time: whoever stole it has ended the session, and the person is told.
    let error = eventually(2 * ID_TOKEN_SECONDS, "the session has ended", || {
        let output = carl.run("auth whoami");
        if output.code == 0 {
            Err(output.stdout)
        } else {
            Ok(output.stderr)
        }
    });
    assert!(error.contains("Sign in again: kubectl guest login"), "{error}");

    carl.run(&world.login()).success();
    let last = token();
    let told = carl.run("guest logout");
    assert!(told.stderr.contains("Signed out of 127.0.0.1:"), "{}", told.stderr);
    told.success();
    assert_eq!(world.refresh(&last)["error"], "invalid_grant");
}
