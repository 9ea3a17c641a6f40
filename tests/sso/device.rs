//! Signing in on another device, by a code (RFC 8628).

use std::{
    io::{BufRead as _, BufReader, PipeReader, pipe},
    process::Child,
    time::Instant,
};

use guestcluster_tests::Kubectl;

use super::provider::World;

/// A login that waits for its code to be entered.
struct Waiting {
    child: Child,
    output: BufReader<PipeReader>,
    said: String,
}

impl Waiting {
    fn start(person: &Kubectl, command: &str) -> Waiting {
        let (reader, writer) = pipe().unwrap();
        let mut command = person.command(&command.split(' ').collect::<Vec<_>>());
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        Waiting {
            child: command.spawn().unwrap(),
            output: BufReader::new(reader),
            said: String::new(),
        }
    }

    /// The page that has the code in it, once it is told.
    fn page(&mut self) -> String {
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended: {}", self.said);
            self.said.push_str(&line);
            if let Some(page) = line.strip_prefix("Or visit ") {
                return page.split(' ').next().unwrap().to_owned();
            }
        }
    }

    /// What it said in all, and its exit code.
    fn end(mut self) -> (String, Option<i32>) {
        let rest = self.output.lines().map_while(Result::ok);
        self.said.extend(rest.map(|line| line + "\n"));
        (self.said, self.child.wait().unwrap().code())
    }
}

#[test]
fn a_code_that_is_entered_elsewhere_signs_this_computer_in() {
    let world = World::shared();
    let (dora, mark) = world.person("dora").with_marking_browser();
    let mut login = Waiting::start(&dora, &format!("{} --device-code", world.login()));
    let page = login.page();
    let code = page.rsplit('=').next().unwrap().to_owned();
    let entered = world.visit(&page, "dora", false);
    assert!(entered.contains("Success"), "{entered}");
    let (said, exit) = login.end();
    assert_eq!(exit, Some(0), "{said}");
    for expected in [
        &format!("and enter the code {code}. It is good for "),
        "never enter a code that somebody sent you",
        " as sso:dora (groups: sso:devs).",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!mark.exists(), "no browser was opened here");
    dora.run("guest login dev").success();
    assert_eq!(dora.names("nodes").len(), 1);
}

#[test]
fn a_sign_in_that_is_denied_or_not_finished_is_told_and_leaves_nothing() {
    let world = World::shared();
    let fay = world.person("fay");
    let mut login = Waiting::start(&fay, &format!("{} --device-code", world.login()));
    let page = login.page();
    world.visit(&page, "fay", true);
    let (said, exit) = login.end();
    assert_eq!(exit, Some(1), "{said}");
    assert!(said.contains("gives no token: access_denied"), "{said}");

    let began = Instant::now();
    let late = fay
        .run(&format!("{} --device-code --timeout 3s", world.login()))
        .failure(3);
    assert!(late.contains("nobody signed in within 3s"), "{late}");
    assert!(began.elapsed().as_secs() < 20);
    fay.run("guest get").failure(1);
}
