//! Refresh tokens: the session, which token of it this is, and an authentication code over both by a key of the data folder. So a
//! guess can't end anybody's session, and no table of tokens is kept.

use anyhow::Context as _;
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::data_dir::DataDir;

const FILE: &str = "sso-refresh.key";
const KEY_BYTES: usize = 32;

/// What a token says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RefreshToken {
    pub(super) session: String,
    pub(super) generation: u64,
}

/// Makes and checks tokens.
pub(super) struct TokenKey(hmac::Key);

impl TokenKey {
    /// The folder's key, made when there is none.
    pub(super) fn open(dir: &DataDir) -> anyhow::Result<Self> {
        let text = match dir.read(FILE)? {
            Some(text) => text,
            None => {
                let text = URL_SAFE_NO_PAD.encode(rand::random::<[u8; KEY_BYTES]>());
                dir.write(FILE, &text)?;
                text
            }
        };
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok();
        let bytes = bytes.filter(|bytes| bytes.len() == KEY_BYTES);
        let bytes =
            bytes.with_context(|| format!("{} is no key; without it a new one is made", dir.file(FILE).display()))?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// The token as a client gets it.
    pub(super) fn print(&self, token: &RefreshToken) -> String {
        let said = format!("{}.{}", token.session, token.generation);
        let code = hmac::sign(&self.0, said.as_bytes());
        format!("{said}.{}", URL_SAFE_NO_PAD.encode(code))
    }

    /// What a token of this issuer says; none for all other text.
    pub(super) fn parse(&self, text: &str) -> Option<RefreshToken> {
        let (said, code) = text.rsplit_once('.')?;
        hmac::verify(&self.0, said.as_bytes(), &URL_SAFE_NO_PAD.decode(code).ok()?).ok()?;
        let (session, generation) = said.split_once('.')?;
        Some(RefreshToken {
            session: session.to_owned(),
            generation: generation.parse().ok()?,
        })
    }
}
