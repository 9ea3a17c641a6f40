//! Pages for people: plain HTML that needs no script, for keyboards and screen readers too.

mod escape;
mod form;
mod message;

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

pub(super) use self::{
    form::{Form, Problem},
    message::{expired, refused},
};

const STYLE: &str = include_str!("style.css");

/// HTML, and the Content-Security-Policy that it needs.
pub(super) struct Page {
    pub(super) html: String,
    pub(super) policy: String,
}

/// A whole page around its main part, whose values are escaped. Forms may lead to `form_targets`.
fn page(title: &str, main: &str, form_targets: &str) -> Page {
    let html = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{title} · Guest Clusters</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<main>
<p class="product">Guest Clusters</p>
{main}
</main>
<footer><strong>For development</strong>, not for production</footer>
</body>
</html>
"#
    );
    let policy = format!(
        "default-src 'none'; style-src '{}'; img-src data:; form-action {form_targets}; base-uri 'none'; frame-ancestors 'none'",
        *STYLE_HASH
    );
    Page { html, policy }
}

/// The one style that a page may have, named by its content.
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| format!("sha256-{}", STANDARD.encode(Sha256::digest(STYLE))));
