//! Pictures of the pages for people who look at them, kept under the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::browser::Browser;

/// A window on a desk, and a narrow telephone.
const WINDOWS: [(&str, u32, u32); 2] = [("", 1024, 768), ("-narrow", 360, 740)];
const SCHEMES: [&str; 2] = ["light", "dark"];
/// A picture of an empty page is smaller.
const LEAST_BYTES: usize = 10_000;

/// Keeps pictures of a page in light and dark, wide and narrow; nothing of it may lie outside the window at the side.
#[track_caller]
pub(super) fn keep(browser: &Browser, page: &str) {
    let folder = folder();
    fs::create_dir_all(&folder).unwrap();
    for (suffix, width, height) in WINDOWS {
        let window = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        browser.show("Emulation.setDeviceMetricsOverride", &window);
        let needed = browser.script("return document.documentElement.scrollWidth");
        assert!(
            needed.as_u64() <= Some(width.into()),
            "{page} needs {needed} pixels of {width}"
        );
        let pictures = SCHEMES.map(|scheme| {
            let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
            browser.show("Emulation.setEmulatedMedia", &features);
            let picture = STANDARD.decode(browser.picture()).unwrap();
            let file = folder.join(format!("{page}-{scheme}{suffix}.png"));
            fs::write(&file, &picture).unwrap();
            assert_eq!(png_size(&picture), Some((width, height)), "{}", file.display());
            assert!(
                picture.len() > LEAST_BYTES,
                "{}: {} bytes",
                file.display(),
                picture.len()
            );
            picture
        });
        assert_ne!(pictures[0], pictures[1], "{page} has two colour schemes");
    }
}

/// Beside what cargo builds, so never committed.
fn folder() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    target.unwrap().join("login-page")
}

/// Width and height of a PNG: its signature, then the length and name of its first chunk, which begins with them.
fn png_size(picture: &[u8]) -> Option<(u32, u32)> {
    let rest = picture.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")?;
    let (width, rest) = rest.split_first_chunk()?;
    let (height, _) = rest.split_first_chunk()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
}
