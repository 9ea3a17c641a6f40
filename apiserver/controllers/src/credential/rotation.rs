//! Another key takes the place of the one that signs a guest's credentials, and no request fails: it signs only when all
//! control-plane nodes accept it, and the last one is accepted until all that it signed has expired.

use std::time::Duration;

use guestcluster_credentials::{CannotSign, LONGEST_LIFETIME, NumericDate, SigningKey};
use guestcluster_types::{
    GuestCluster,
    labels::ROTATE_SIGNING_KEY,
    names::{self, NEXT_SIGNING_KEY, PREVIOUS_SIGNING_KEY, SIGNING_KEY},
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use kube::{
    Client, ResourceExt as _,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    Error,
    keys::{Keys, PREVIOUS_UNTIL, ROTATED_FOR, SIGNS_SINCE, secrets},
};

/// How long a key signs before another one does.
const LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long the last key is accepted beyond the life of what it signed: clocks differ, and an exchange may be under way.
const MARGIN: Duration = Duration::from_mins(10);

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make the next key, which the guest is told of.
    Announce,
    /// Sign by it: it is accepted everywhere.
    Switch,
    /// Accept the last one no more.
    Forget,
}

impl Step {
    /// The step that is due when all nodes accept what is published of the keys. `floor` is before when everybody's tokens are
    /// refused: if that is all that the last key signed, who still signs by it has stolen it.
    pub(super) fn due(keys: &Keys, floor: Option<NumericDate>, wish: Option<&str>, now: Timestamp) -> Option<Step> {
        if keys.next.is_some() {
            return Some(Step::Switch);
        }
        if let Some((_, until)) = keys.previous {
            let is_useless = floor.is_some_and(|floor| floor >= NumericDate::from(keys.signs_since));
            return (until <= now || is_useless).then_some(Step::Forget);
        }
        let is_wished = wish.is_some() && wish != keys.rotated_for.as_deref();
        let is_old = now.duration_since(keys.signs_since) >= LIFE;
        (is_wished || is_old).then_some(Step::Announce)
    }

    /// What it changes of the Secret.
    fn patch(self, keys: &Keys, wish: Option<&str>, now: Timestamp) -> Result<Value, CannotSign> {
        let mut patch = match self {
            Step::Announce => json!({
                "metadata": {"annotations": {ROTATED_FOR: wish}},
                "data": {NEXT_SIGNING_KEY: encoded(&SigningKey::generate()?.to_pem()?)},
            }),
            Step::Switch => {
                let next = keys.next.as_ref().ok_or(CannotSign)?;
                let until = now + LONGEST_LIFETIME + MARGIN;
                json!({
                    "metadata": {"annotations": {SIGNS_SINCE: now.to_string(), PREVIOUS_UNTIL: until.to_string()}},
                    "data": {
                        SIGNING_KEY: encoded(&next.to_pem()?),
                        NEXT_SIGNING_KEY: null,
                        PREVIOUS_SIGNING_KEY: encoded(&keys.signing.public().to_pem()),
                    },
                })
            }
            Step::Forget => json!({
                "metadata": {"annotations": {PREVIOUS_UNTIL: null}},
                "data": {PREVIOUS_SIGNING_KEY: null},
            }),
        };
        // Whoever changed the Secret meanwhile is not written over.
        patch["metadata"]["resourceVersion"] = json!(keys.resource_version);
        Ok(patch)
    }

    fn told(self) -> &'static str {
        match self {
            Step::Announce => "the guest is told of the next key for credentials",
            Step::Switch => "the next key signs credentials",
            Step::Forget => "the last key for credentials is accepted no more",
        }
    }
}

/// The user's wish for another key: a new one whenever it changes.
pub(super) fn wish(guest: &GuestCluster) -> Option<&str> {
    guest.annotations().get(ROTATE_SIGNING_KEY).map(String::as_str)
}

/// Takes a step.
pub(super) async fn take(
    client: &Client,
    guest_uid: &str,
    keys: &Keys,
    step: Step,
    wish: Option<&str>,
) -> Result<(), Error> {
    let patch = step.patch(keys, wish, Timestamp::now());
    let patch = patch.map_err(|error| Error::Unusable(format!("the next key of guest {guest_uid}: {error}")))?;
    let name = names::guest_keys_secret(guest_uid);
    // The answer holds keys: it is dropped.
    secrets(client)
        .patch_metadata(&name, &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    tracing::info!(guest_uid, "{}", step.told());
    Ok(())
}

fn encoded(pem: &str) -> ByteString {
    ByteString(pem.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Secret;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn secret() -> Secret {
        let pem = || SigningKey::generate().unwrap().to_pem().unwrap();
        serde_json::from_value(json!({
            "metadata": {"name": "guest-a", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "data": {"trust-key.pem": encoded(&pem()), "signing-key.pem": encoded(&pem())},
        }))
        .unwrap()
    }

    /// As the API server does it.
    fn patched(secret: &Secret, patch: &Value) -> Secret {
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
        let mut secret = secret.clone();
        for (key, value) in patch["data"].as_object().unwrap() {
            let data = secret.data.get_or_insert_default();
            match value {
                Value::Null => drop(data.remove(key)),
                value => drop(data.insert(key.clone(), serde_json::from_value(value.clone()).unwrap())),
            }
        }
        for (key, value) in patch["metadata"]["annotations"].as_object().unwrap() {
            match value.as_str() {
                Some(text) => drop(secret.annotations_mut().insert(key.clone(), text.to_owned())),
                None => drop(secret.annotations_mut().remove(key)),
            }
        }
        secret
    }

    /// Takes the step that is due, which must be this one.
    fn step(secret: &mut Secret, expected: Step, wish: Option<&str>, now: &str) {
        let keys = Keys::of(secret).unwrap();
        assert_eq!(Step::due(&keys, None, wish, time(now)), Some(expected));
        *secret = patched(secret, &expected.patch(&keys, wish, time(now)).unwrap());
    }

    fn due(secret: &Secret, wish: Option<&str>, now: &str) -> Option<Step> {
        Step::due(&Keys::of(secret).unwrap(), None, wish, time(now))
    }

    fn published(secret: &Secret) -> Vec<String> {
        let keys = Keys::of(secret).unwrap().published();
        keys.iter().map(|key| key.kid().to_owned()).collect()
    }

    fn signs(secret: &Secret) -> String {
        Keys::of(secret).unwrap().signing.kid().to_owned()
    }

    #[test]
    fn what_signs_was_published_before_and_what_signed_is_until_it_has_expired() {
        let mut secret = secret();
        let (wish, first) = (Some("1"), signs(&secret));
        step(&mut secret, Step::Announce, wish, "2026-01-02T00:00:00Z");
        let both = published(&secret);
        assert!(both.len() == 2 && both.contains(&first) && signs(&secret) == first);
        step(&mut secret, Step::Switch, wish, "2026-01-02T00:01:00Z");
        let second = signs(&secret);
        assert!(second != first && both.contains(&second));
        assert_eq!(published(&secret), both, "the guest need not be told anew");
        assert_eq!(due(&secret, wish, "2026-01-02T01:10:59Z"), None);
        assert_eq!(due(&secret, Some("2"), "2026-01-02T01:10:59Z"), None, "one at a time");
        step(&mut secret, Step::Forget, wish, "2026-01-02T01:11:00Z");
        assert_eq!(published(&secret), [second]);
        assert_eq!(due(&secret, wish, "2026-01-03T00:00:00Z"), None, "the wish was heard");
        assert_eq!(due(&secret, Some("2"), "2026-01-03T00:00:00Z"), Some(Step::Announce));
    }

    #[test]
    fn a_stolen_key_is_forgotten_as_soon_as_nothing_else_needs_it() {
        let mut secret = secret();
        step(&mut secret, Step::Announce, Some("1"), "2026-01-02T00:00:00Z");
        step(&mut secret, Step::Switch, Some("1"), "2026-01-02T00:01:00Z");
        let keys = Keys::of(&secret).unwrap();
        let due = |floor: &str| {
            let floor = NumericDate::from(time(floor));
            Step::due(&keys, Some(floor), Some("1"), time("2026-01-02T00:02:00Z"))
        };
        assert_eq!(due("2026-01-02T00:00:59Z"), None, "somebody may have a token by it");
        assert_eq!(due("2026-01-02T00:01:00Z"), Some(Step::Forget));
    }

    #[test]
    fn a_key_is_replaced_in_time_without_anybody_s_wish() {
        let mut secret = secret();
        assert_eq!(due(&secret, None, "2026-03-31T23:59:59Z"), None);
        step(&mut secret, Step::Announce, None, "2026-04-01T00:00:00Z");
        step(&mut secret, Step::Switch, None, "2026-04-01T00:01:00Z");
        step(&mut secret, Step::Forget, None, "2026-04-01T02:00:00Z");
        assert_eq!(due(&secret, None, "2026-06-29T00:00:00Z"), None);
        assert_eq!(due(&secret, None, "2026-07-01T00:00:00Z"), Some(Step::Announce));
    }

    #[test]
    fn a_key_that_can_t_be_used_is_named_and_not_shown() {
        for key in [
            "trust-key.pem",
            "signing-key.pem",
            "next-signing-key.pem",
            "previous-signing-key.pub.pem",
        ] {
            let mut secret = secret();
            secret
                .data
                .get_or_insert_default()
                .insert(key.to_owned(), ByteString(b"SECRET".to_vec()));
            assert_eq!(Keys::of(&secret).err(), Some(key));
        }
    }
}
