//! The sign-in page of our issuer in a real browser, by keyboard alone.

// A test stops at the first thing that is not as it must be.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod browser;
mod client;
mod pictures;
mod web_driver;

use std::fs;

use guestcluster_tests::{Mode, Supervisor, eventually};

use self::{
    browser::{Browser, ENTER, TAB},
    client::{Client, STATE},
};

const USER: &str = "dev@guest.local";
const SIGN_IN: &str = "Sign in · Guest Clusters";

#[test]
fn a_person_signs_in_by_keyboard_alone() {
    let login = Login::begin();
    let browser = &login.browser;
    pictures::keep(browser, "form");
    browser.press(USER);
    assert_eq!(browser.value(":focus"), USER);
    browser.press(TAB);
    browser.await_focus("password");
    browser.press(&login.password());
    browser.press(TAB);
    browser.await_focus("Sign in");
    browser.press(ENTER);
    login.assert_signed_in();
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_wrong_password_keeps_the_name_and_asks_again() {
    let login = Login::begin();
    let browser = &login.browser;
    browser.press(&format!("{USER}{TAB}wrong{ENTER}"));
    browser.await_title("Not signed in · Guest Clusters");
    let problem = "That user name and password do not belong together. Try again.";
    assert_eq!(browser.text("[role=alert]"), problem);
    assert_eq!(browser.value("#username"), USER);
    browser.await_focus("password");
    assert_eq!(browser.value(":focus"), "");
    pictures::keep(browser, "wrong-password");
    browser.press(&format!("{}{ENTER}", login.password()));
    login.assert_signed_in();
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn an_expired_page_leads_to_a_fresh_one() {
    let mut login = Login::begin();
    login.restart();
    let browser = &login.browser;
    browser.press(&format!("{USER}{TAB}{}{ENTER}", login.password()));
    browser.await_title("Page expired · Guest Clusters");
    assert_eq!(browser.text("h1"), "This page has expired");
    browser.await_focus("Sign in again");
    pictures::keep(browser, "expired");
    browser.press(ENTER);
    browser.await_title(SIGN_IN);
    browser.await_focus("username");
    browser.press(&format!("{USER}{TAB}{}{ENTER}", login.password()));
    login.assert_signed_in();
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_foreign_program_is_refused_by_a_page_under_its_policy() {
    let login = Login::begin();
    let browser = &login.browser;
    browser.open(&format!("{}/authorize?client_id=other", login.issuer()));
    browser.await_title("Not signed in · Guest Clusters");
    let problem = "The program that sent you here is not known to this server.";
    assert_eq!(browser.text("[role=alert]"), problem);
    pictures::keep(browser, "refused");
    assert_eq!(browser.complaints(), [""; 0]);
    // What a page may not hold has no effect, and the console tells.
    browser.script("document.body.insertAdjacentHTML('beforeend', '<style>h1 { display: none }</style>')");
    assert_eq!(
        browser.script("return getComputedStyle(document.querySelector('h1')).display"),
        "block"
    );
    let complaints = browser.complaints().join("\n");
    assert!(complaints.contains("Content Security Policy"), "{complaints}");
}

/// A sign-in that a program asked for.
struct Login {
    browser: Browser,
    client: Client,
    supervisor: Supervisor,
}

impl Login {
    /// Begins one with a supervisor of its own; the form is there, and the name can be typed.
    fn begin() -> Self {
        let login = Self {
            supervisor: Supervisor::fast(Mode::Embedded),
            browser: Browser::start(),
            client: Client::start(),
        };
        login.browser.open(&login.client.authorization_url(&login.issuer()));
        login.browser.await_title(SIGN_IN);
        login.browser.await_focus("username");
        login
    }

    /// Restarts the supervisor, and again when another program had the issuer's port in between.
    #[track_caller]
    fn restart(&mut self) {
        let issuer = self.issuer();
        eventually(60, "the issuer is where it was", || {
            self.supervisor.stop();
            self.supervisor.restart();
            let now = self.issuer();
            if now == issuer { Ok(()) } else { Err(now) }
        });
    }

    #[track_caller]
    fn assert_signed_in(&self) {
        let answer = self.client.await_answer();
        assert!(answer.get("code").is_some_and(|code| !code.is_empty()), "{answer:?}");
        assert_eq!(answer.get("state").map(String::as_str), Some(STATE));
        assert_eq!(answer.get("iss"), Some(&self.issuer()));
        assert_eq!(answer.len(), 3, "{answer:?}");
        self.browser.await_title("Back");
    }

    fn issuer(&self) -> String {
        self.read("sso-issuer")
    }

    fn password(&self) -> String {
        self.read("sso-dev.password")
    }

    fn read(&self, name: &str) -> String {
        let text = fs::read_to_string(self.supervisor.sso_dir().join(name)).unwrap();
        text.trim().to_owned()
    }
}
