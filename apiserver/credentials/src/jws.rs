//! JSON Web Signatures in compact form (RFC 7515), ES256 and nothing else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{CannotSign, PublicKey, SigningKey};

const ALGORITHM: &str = "ES256";

#[derive(Serialize)]
struct NewHeader<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'a str,
}

/// Of a header only what decides; keys that a header brings (`jwk`, `jku`, `x5c`) are never looked at.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
}

/// A JWS whose signature is not checked yet.
pub(crate) struct Unchecked<'a> {
    header: Header,
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The text is no JWS by ES256, or none of the keys signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsRefused {
    /// Not three parts of base64url with a JSON header, or too long.
    #[error("malformed")]
    Malformed,
    /// Another algorithm, `none` among them.
    #[error("not signed by ES256")]
    Algorithm,
    /// The header demands what nobody here understands.
    #[error("the header has critical extensions")]
    Critical,
    /// None of the keys signed it.
    #[error("not signed by a known key")]
    Signature,
}

/// Signs a JSON payload.
pub(crate) fn sign(key: &SigningKey, typ: &str, payload: &impl Serialize) -> Result<String, CannotSign> {
    let header = NewHeader {
        alg: ALGORITHM,
        kid: key.kid(),
        typ,
    };
    let mut jws = encoded(&header)?;
    jws.push('.');
    jws.push_str(&encoded(payload)?);
    let signature = key.sign(jws.as_bytes())?;
    jws.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut jws);
    Ok(jws)
}

impl<'a> Unchecked<'a> {
    /// Takes a JWS apart.
    pub(crate) fn parse(jws: &'a str, longest: usize) -> Result<Unchecked<'a>, JwsRefused> {
        if jws.len() > longest {
            return Err(JwsRefused::Malformed);
        }
        let (signed, signature) = jws.rsplit_once('.').ok_or(JwsRefused::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsRefused::Malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsRefused::Malformed);
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| JwsRefused::Malformed)?;
        if header.alg != ALGORITHM {
            return Err(JwsRefused::Algorithm);
        }
        if header.crit.is_some() {
            return Err(JwsRefused::Critical);
        }
        Ok(Unchecked {
            header,
            signed,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    /// The `typ` of the header.
    pub(crate) fn typ(&self) -> Option<&str> {
        self.header.typ.as_deref()
    }

    /// The payload, before anyone knows who wrote it.
    pub(crate) fn unchecked_payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload, if one of the keys signed it: the one that `kid` names, or any where it names none.
    pub(crate) fn check(self, keys: &[PublicKey]) -> Result<Vec<u8>, JwsRefused> {
        let kid = self.header.kid.as_deref();
        let mut candidates = keys.iter().filter(|key| kid.is_none_or(|kid| kid == key.kid()));
        if candidates.any(|key| key.signed(self.signed.as_bytes(), &self.signature)) {
            Ok(self.payload)
        } else {
            Err(JwsRefused::Signature)
        }
    }
}

fn encoded(part: &impl Serialize) -> Result<String, CannotSign> {
    let json = serde_json::to_vec(part).map_err(|_| CannotSign)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// The example of RFC 7515, appendix A.3: another implementation's signature.
    const RFC: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    fn rfc_key() -> PublicKey {
        let jwk = json!({
            "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        });
        PublicKey::from_jwk(&jwk).unwrap()
    }

    fn check(jws: &str, key: &PublicKey) -> Result<Value, JwsRefused> {
        let payload = Unchecked::parse(jws, 100_000)?.check(std::slice::from_ref(key))?;
        Ok(serde_json::from_slice(&payload).unwrap())
    }

    #[test]
    fn the_rfc_s_example_is_accepted() {
        assert_eq!(check(RFC, &rfc_key()).unwrap()["iss"], "joe");
    }

    #[test]
    fn every_changed_character_is_refused() {
        let key = rfc_key();
        for at in 0..RFC.len() {
            for other in ["A", "z", "."] {
                let changed = format!("{}{other}{}", &RFC[..at], &RFC[at + 1..]);
                assert!(changed == RFC || check(&changed, &key).is_err(), "{at}");
            }
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let key = rfc_key();
        let padded = format!("{RFC}=");
        let five = format!("a.{RFC}.b");
        for jws in [
            "",
            ".",
            "..",
            "...",
            "a.b.c",
            &padded,
            &five,
            &format!(" {RFC}"),
            &format!("{RFC}\n"),
            "{}",
        ] {
            assert_eq!(check(jws, &key), Err(JwsRefused::Malformed), "{jws:?}");
        }
        assert!(matches!(
            Unchecked::parse(RFC, RFC.len() - 1),
            Err(JwsRefused::Malformed)
        ));
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in "[a-zA-Z0-9_.=-]{0,200}") {
            let _ = check(&text, &rfc_key());
        }
    }
}
