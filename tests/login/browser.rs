//! A browser that is used as a person without a mouse does: keys go to what has the focus, never to an element that was looked up.

use guestcluster_tests::eventually;
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::web_driver::WebDriver;

pub(super) const TAB: &str = "\u{E004}";
pub(super) const ENTER: &str = "\u{E006}";
/// Longest until a page shows what it should, in seconds.
const PATIENCE: u64 = 20;
/// Nothing that leaves this machine, nothing that lasts.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox", // The tests may run as root, for which Chromium has no sandbox.
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
    // Chromium ends when the other end of its pipe does, so also when chromedriver is killed.
    "--remote-debugging-pipe",
];

/// A Chromium with a profile of its own; it ends when this is dropped, and also when the test is killed.
pub(super) struct Browser {
    session: String,
    driver: WebDriver,
    // Last: nobody writes there any more when it is removed.
    _folder: TempDir,
}

/// What a script says of the element that has the focus: its id, or its text when it has none.
const FOCUSED: &str = "const it = document.activeElement; return it.id || it.textContent.trim()";

impl Browser {
    /// Starts one that takes any certificate: the issuer's is of a CA that only this test has.
    pub(super) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("guestclusters-browser.").tempdir();
        let folder = folder.unwrap();
        let driver = WebDriver::start(folder.path());
        let profile = format!("--user-data-dir={}", folder.path().join("profile").display());
        let arguments: Vec<_> = ARGUMENTS.iter().copied().chain([&*profile]).collect();
        let session = driver.new_session(&json!({
            "acceptInsecureCerts": true,
            "timeouts": {"pageLoad": 20_000, "script": 5_000},
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": arguments},
        }));
        Self {
            session,
            driver,
            _folder: folder,
        }
    }

    /// Opens an address, as a program does that asks for a sign-in.
    #[track_caller]
    pub(super) fn open(&self, url: &str) {
        self.must("/url", &json!({"url": url}));
    }

    /// Presses and releases one key after the other.
    #[track_caller]
    pub(super) fn press(&self, keys: &str) {
        let strokes: Vec<_> = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|action| json!({"type": action, "value": key})))
            .collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": strokes});
        self.must("/actions", &json!({"actions": [keyboard]}));
    }

    /// Waits until the page of this title is there.
    #[track_caller]
    pub(super) fn await_title(&self, title: &str) {
        self.await_script("the title", "return document.title", &title.into());
    }

    /// Waits until the element with this id, or else with this text, has the focus.
    #[track_caller]
    pub(super) fn await_focus(&self, element: &str) {
        self.await_script("the focus", FOCUSED, &element.into());
    }

    /// The text of what a selector finds.
    #[track_caller]
    pub(super) fn text(&self, selector: &str) -> Value {
        self.script(&format!("return document.querySelector('{selector}')?.innerText"))
    }

    /// The value of a field that a selector finds.
    #[track_caller]
    pub(super) fn value(&self, selector: &str) -> Value {
        self.script(&format!("return document.querySelector('{selector}')?.value"))
    }

    /// What a script returns that only looks.
    #[track_caller]
    pub(super) fn script(&self, script: &str) -> Value {
        self.must("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// A command of the browser's own protocol: how the page is shown, which WebDriver does not cover.
    #[track_caller]
    pub(super) fn show(&self, command: &str, parameters: &Value) {
        self.must("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}));
    }

    /// A picture of the page, base64.
    #[track_caller]
    pub(super) fn picture(&self) -> String {
        let picture = self.command(Method::GET, "/screenshot", &Value::Null).unwrap();
        picture.as_str().unwrap().to_owned()
    }

    /// What pages brought onto the console since the last look: errors, violated policies.
    #[track_caller]
    pub(super) fn complaints(&self) -> Vec<String> {
        let entries = self.must("/se/log", &json!({"type": "browser"}));
        let entries = entries.as_array().unwrap().iter();
        entries
            .map(|entry| format!("{}: {}", entry["source"], entry["message"]))
            .filter(|entry| !is_status_of_page(entry))
            .collect()
    }

    #[track_caller]
    fn await_script(&self, what: &str, script: &str, expected: &Value) {
        eventually(PATIENCE, what, || {
            // Between two pages there may be none to ask.
            let found = self.command(Method::POST, "/execute/sync", &json!({"script": script, "args": []}))?;
            match found == *expected {
                true => Ok(()),
                false => Err(found.to_string()),
            }
        });
    }

    #[track_caller]
    fn must(&self, path: &str, parameters: &Value) -> Value {
        self.command(Method::POST, path, parameters)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn command(&self, method: Method, path: &str, parameters: &Value) -> Result<Value, String> {
        let path = format!("/session/{}{path}", self.session);
        self.driver.command(method, &path, parameters)
    }
}

/// The console also tells of a page itself that its status is an error; to the person the page says why.
fn is_status_of_page(entry: &str) -> bool {
    let page = entry.contains("/login - ") || entry.contains("/authorize?");
    page && entry.contains("Failed to load resource: the server responded with a status of 40")
}

impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let page = json!({"script": "return location.href + '\\n' + document.body?.innerText", "args": []});
            let page = self.command(Method::POST, "/execute/sync", &page);
            eprintln!(
                "the browser shows: {page:?}\nchromedriver's log ends:\n{}",
                self.driver.log_tail()
            );
        }
        // Should it not answer any more, it is killed all the same.
        let _ = self.command(Method::DELETE, "", &Value::Null);
    }
}
