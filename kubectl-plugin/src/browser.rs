//! Opening a page in the person's browser.

use std::env;

use webbrowser::{Browser, BrowserOptions};

/// Opens the page, if there is somewhere to open it: by BROWSER, else where there is a display. Returns at once.
pub(crate) fn open(url: &str) -> bool {
    let named = env::var_os("BROWSER").is_some_and(|browser| !browser.is_empty());
    if !named && !has_display() {
        return false;
    }
    let url = url.to_owned();
    // A browser on the terminal ends only when the person is done; the page must be served meanwhile.
    std::thread::spawn(move || {
        let mut options = BrowserOptions::new();
        options.with_suppress_output(true);
        // The person has the address.
        let _ = webbrowser::open_browser_with_options(Browser::Default, &url, &options);
    });
    true
}

fn has_display() -> bool {
    if !cfg!(unix) || cfg!(target_os = "macos") {
        return true;
    }
    ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"]
        .iter()
        .any(|variable| env::var_os(variable).is_some_and(|value| !value.is_empty()))
}
