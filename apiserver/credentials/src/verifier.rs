//! Judges tokens as the guest's kube-apiserver does with [`authentication_configuration`](crate::authentication_configuration).

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    Claims, Level, NumericDate, Trust, audience,
    claims::{BACKDATED, LONGEST_VALIDITY},
    issuer,
    jws::{JwsRefused, Unchecked},
    subject::{MOST_GROUPS, RESERVED},
};

/// What a guest puts before names of its tokens.
pub(crate) const PREFIX: &str = "sso:";
/// Bytes of a token.
const LONGEST: usize = 64 << 10;
/// How far the guest's clock may be behind `nbf`.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// Judges the tokens of one guest.
pub struct Verifier {
    issuer: String,
    audience: String,
    trust: Trust,
    /// Tokens of everyone must be minted after this.
    floor: Option<NumericDate>,
    /// Tokens of these subjects must be minted after this.
    floors: HashMap<String, NumericDate>,
}

/// Who a token is, inside the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `sso:` and the person's name.
    pub user: String,
    /// `sso:` and each group, and the level's group.
    pub groups: Vec<String>,
    /// The person's unique id.
    pub uid: Option<String>,
    /// The token's `jti`.
    pub credential_id: String,
}

/// A token is refused. For logs: who shows one learns nothing but 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// It is no JWS by a key of this guest.
    #[error("the token is {0}")]
    Jws(#[from] JwsRefused),
    /// A claim is missing, twice there, or of the wrong type; the level is unknown.
    #[error("the token's claims can't be read")]
    Unreadable,
    /// It is of another guest.
    #[error("the token is of another guest")]
    OtherGuest,
    /// The name is empty or the system's, the id is empty, or there are too many groups.
    #[error("the token's {0} is not acceptable")]
    Claim(&'static str),
    /// It lives longer than a token may, or was minted in the future.
    #[error("the token's times don't fit each other")]
    Times,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    Early,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It was revoked.
    #[error("the token is revoked")]
    Revoked,
}

impl Verifier {
    /// Judges by what the guest trusts.
    pub fn new(trust: Trust) -> Verifier {
        let mut floors = HashMap::new();
        let mut floor = None;
        for (subject, time) in trust.latest_floors() {
            match subject {
                None => floor = Some(time),
                Some(subject) => drop(floors.insert(subject.to_owned(), time)),
            }
        }
        Verifier {
            issuer: issuer(&trust.guest_uid),
            audience: audience(&trust.guest_uid),
            trust,
            floor,
            floors,
        }
    }

    /// What it judges by.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Who shows the token.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, TokenRefused> {
        let payload = Unchecked::parse(token, LONGEST)?.check(&self.trust.keys)?;
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| TokenRefused::Unreadable)?;
        if claims.iss != self.issuer || claims.aud != self.audience {
            return Err(TokenRefused::OtherGuest);
        }
        check_names(&claims)?;
        check_times(&claims, now)?;
        self.check_revocation(&claims)?;
        Ok(identity(claims))
    }

    fn check_revocation(&self, claims: &Claims) -> Result<(), TokenRefused> {
        let is_below = |floor: Option<&NumericDate>| floor.is_some_and(|floor| claims.iat <= *floor);
        let is_revoked = self.trust.revoked.contains_key(&claims.jti);
        if is_revoked || is_below(self.floor.as_ref()) || is_below(self.floors.get(&claims.sub)) {
            return Err(TokenRefused::Revoked);
        }
        Ok(())
    }
}

fn check_names(claims: &Claims) -> Result<(), TokenRefused> {
    if claims.sub.is_empty() || claims.sub.starts_with(RESERVED) {
        return Err(TokenRefused::Claim("sub"));
    }
    if claims.jti.is_empty() {
        return Err(TokenRefused::Claim("jti"));
    }
    if claims.groups.len() > MOST_GROUPS || claims.groups.iter().any(|group| group.starts_with(RESERVED)) {
        return Err(TokenRefused::Claim("groups"));
    }
    if !Level::OF_TOKENS.contains(&claims.level) {
        return Err(TokenRefused::Claim("level"));
    }
    Ok(())
}

fn check_times(claims: &Claims, now: Timestamp) -> Result<(), TokenRefused> {
    let fits =
        claims.exp.since(claims.nbf) <= LONGEST_VALIDITY && (0..=BACKDATED).contains(&claims.iat.since(claims.nbf));
    if !fits {
        return Err(TokenRefused::Times);
    }
    let (Ok(exp), Ok(nbf)) = (
        Timestamp::from_second(claims.exp.0),
        Timestamp::from_second(claims.nbf.0),
    ) else {
        return Err(TokenRefused::Times);
    };
    if now >= exp {
        return Err(TokenRefused::Expired);
    }
    if nbf.duration_since(now) > LEEWAY {
        return Err(TokenRefused::Early);
    }
    Ok(())
}

fn identity(claims: Claims) -> Identity {
    let own = claims.groups.iter().map(|group| format!("{PREFIX}{group}"));
    let of_level = (claims.level != Level::Login).then(|| claims.level.group().to_owned());
    Identity {
        user: format!("{PREFIX}{}", claims.sub),
        groups: own.chain(of_level).collect(),
        uid: claims.uid,
        credential_id: claims.jti,
    }
}

#[cfg(test)]
mod tests;
