//! What encrypts and decrypts a value: kube-apiserver's providers, byte by byte.

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use bytes::Bytes;
use crypto_secretbox::{KeyInit as _, XSalsa20Poly1305, aead::Aead as _};

/// What every encrypted value begins with.
pub(super) const PREFIX: &[u8] = b"k8s:enc:";
/// Bytes of a nonce of XSalsa20-Poly1305, and of its key.
const SECRETBOX: (usize, usize) = (24, 32);

/// A key, or none.
pub(super) enum Provider {
    /// The value as it is.
    Identity,
    /// AES-GCM, bound to the key's path.
    AesGcm { prefix: Box<[u8]>, key: Box<LessSafeKey> },
    /// XSalsa20-Poly1305.
    Secretbox {
        prefix: Box<[u8]>,
        key: Box<XSalsa20Poly1305>,
    },
}

/// Never shows a key.
impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Identity => "identity",
            Self::AesGcm { .. } => "aesgcm",
            Self::Secretbox { .. } => "secretbox",
        })
    }
}

impl Provider {
    pub(super) fn aes_gcm(name: &str, secret: &[u8]) -> Result<Self, &'static str> {
        let algorithm = match secret.len() {
            16 => &AES_128_GCM,
            24 => &AES_192_GCM,
            32 => &AES_256_GCM,
            _ => return Err("a key of 16, 24 or 32 bytes is expected"),
        };
        let key = UnboundKey::new(algorithm, secret).map_err(|_| "the key can't be used")?;
        Ok(Self::AesGcm {
            prefix: prefix("aesgcm", name),
            key: Box::new(LessSafeKey::new(key)),
        })
    }

    pub(super) fn secretbox(name: &str, secret: &[u8]) -> Result<Self, &'static str> {
        if secret.len() != SECRETBOX.1 {
            return Err("a key of 32 bytes is expected");
        }
        let key = XSalsa20Poly1305::new_from_slice(secret).map_err(|_| "the key can't be used")?;
        Ok(Self::Secretbox {
            prefix: prefix("secretbox", name),
            key: Box::new(key),
        })
    }

    /// What this provider has to open of a stored value; none when another one wrote it.
    pub(super) fn strip_prefix(&self, stored: &Bytes) -> Option<Bytes> {
        match self {
            Self::Identity => (!stored.starts_with(PREFIX)).then(|| stored.clone()),
            Self::AesGcm { prefix, .. } | Self::Secretbox { prefix, .. } => {
                stored.starts_with(prefix).then(|| stored.slice(prefix.len()..))
            }
        }
    }

    /// The value; none when the key does not fit, or somebody changed it.
    pub(super) fn open(&self, sealed: &Bytes, path: &str) -> Option<Bytes> {
        match self {
            Self::Identity => Some(sealed.clone()),
            Self::AesGcm { key, .. } => {
                let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
                let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
                let mut body = body.to_vec();
                let length = key.open_in_place(nonce, Aad::from(path), &mut body).ok()?.len();
                body.truncate(length);
                Some(body.into())
            }
            Self::Secretbox { key, .. } => {
                let (nonce, body) = sealed.split_at_checked(SECRETBOX.0)?;
                key.decrypt(nonce.into(), body).ok().map(Into::into)
            }
        }
    }

    /// What is stored of a value.
    pub(super) fn seal(&self, value: &Bytes, path: &str) -> Option<Bytes> {
        match self {
            Self::Identity => Some(value.clone()),
            Self::AesGcm { prefix, key } => {
                // Random, as kube-apiserver's: a key may write some 2^32 values.
                let nonce: [u8; NONCE_LEN] = rand::random();
                let mut body = value.to_vec();
                key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(path), &mut body)
                    .ok()?;
                Some([&**prefix, &nonce, &body].concat().into())
            }
            Self::Secretbox { prefix, key } => {
                let nonce: [u8; SECRETBOX.0] = rand::random();
                let body = key.encrypt((&nonce).into(), &**value).ok()?;
                Some([&**prefix, &nonce, &body].concat().into())
            }
        }
    }
}

fn prefix(provider: &str, name: &str) -> Box<[u8]> {
    let prefix = format!("k8s:enc:{provider}:v1:{name}:");
    prefix.into_bytes().into()
}
