//! What the browser shows when it comes back.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::StatusCode;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("page.css");

/// A page, and the Content-Security-Policy that it needs.
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) html: String,
    pub(super) policy: String,
}

impl Page {
    /// It worked.
    pub(super) fn signed_in() -> Self {
        let text = "<p>You can close this window and go back to the terminal.</p>";
        Self::new(StatusCode::OK, "Signed in", text)
    }

    /// It did not.
    pub(super) fn failed(why: &str) -> Self {
        let why = why.split("\n\n").next().unwrap_or_default();
        let text = format!(
            "<p class=\"problem\" role=\"alert\">{}</p><p>The terminal says what to do next.</p>",
            escaped(why)
        );
        Self::new(StatusCode::BAD_REQUEST, "Not signed in", &text)
    }

    /// Nobody waits for this.
    pub(super) fn stray() -> Self {
        let text = "<p>It may have ended already. If you want to sign in, start it again in the terminal.</p>";
        Self::new(StatusCode::BAD_REQUEST, "No sign-in waits for this page", text)
    }

    fn new(status: StatusCode, title: &str, text: &str) -> Self {
        let html = format!(
            r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Guest Clusters</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<main>
<p class="product">Guest Clusters</p>
<h1>{title}</h1>
{text}
</main>
</body>
</html>
"#
        );
        let style = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
        );
        Self { status, html, policy }
    }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut html, letter| {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
        html
    })
}
