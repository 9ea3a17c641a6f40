//! What the user of a guest sees of what blocks it.

use std::time::{Duration, Instant};

use guestcluster_tests::{Kubectl, until};
use serde_json::Value;

use super::{SOON, causes::Cause, played::Played};

/// What was seen, and after how long, seconds.
pub(crate) struct Seen {
    pub(super) message: String,
    /// `status.blockedBy`.
    pub(crate) blocked: Value,
    pub(super) seconds: f64,
}

/// Waits until the status names the object, and holds all else that a user looks at against it.
pub(super) fn at_the_top(played: &Played<'_>, cause: &Cause, begun: Instant) -> Result<Seen, String> {
    let time = Duration::from_secs_f64(SOON);
    until(time, || {
        let guest = played.guest(cause.guest);
        if names(&guest["status"]["blockedBy"], cause) {
            Ok(())
        } else {
            Err(format!(
                "{}, message {}",
                guest["status"]["blockedBy"], guest["status"]["message"]
            ))
        }
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    // Words may change meanwhile: a machine that can't be made has another name with each attempt.
    let (message, blocked) = until(time, || {
        let guest = played.guest(cause.guest);
        let message = guest["status"]["message"].as_str().unwrap_or_default().to_owned();
        ready(&guest, cause, &message)?;
        shown(&played.kubectl(cause.guest), &guest, cause, &message)?;
        Ok((message, guest["status"]["blockedBy"].clone()))
    })?;
    Ok(Seen {
        message,
        blocked,
        seconds,
    })
}

fn names(blocked: &Value, cause: &Cause) -> bool {
    let text = |field: &str| blocked[field].as_str().unwrap_or_default();
    text("kind") == cause.kind
        && text("name").starts_with(cause.object)
        && cause.reasons.contains(&text("reason"))
        && text("message").contains(cause.says)
        && text("advice").contains(cause.advice)
}

/// The condition that everybody waits for.
fn ready(guest: &Value, cause: &Cause, message: &str) -> Result<(), String> {
    let conditions = guest["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let ready = conditions
        .iter()
        .find(|condition| condition["type"] == "Ready")
        .cloned()
        .unwrap_or_default();
    let reason = ready["reason"].as_str().unwrap_or_default();
    let is_told = ready["status"] == "False"
        && ready["message"] == message
        && (cause.reasons.contains(&reason) || reason == "RollingOut")
        && message.contains(cause.says)
        && message.contains(guest["status"]["blockedBy"]["name"].as_str().unwrap_or_default());
    if is_told {
        Ok(())
    } else {
        Err(format!("Ready is {ready}"))
    }
}

/// What `kubectl` prints.
fn shown(kubectl: &Kubectl, guest: &Value, cause: &Cause, message: &str) -> Result<(), String> {
    let name = cause.guest;
    let wide = kubectl.run(&format!("get gcl {name} -o wide --no-headers")).success();
    if !wide.contains(message) {
        return Err(format!("MESSAGE is not {message}: {wide}"));
    }
    let tree = kubectl.run(&format!("guest describe {name}")).success();
    let blocked = &guest["status"]["blockedBy"];
    let text = |field: &str| blocked[field].as_str().unwrap_or_default();
    let marked: Vec<_> = tree.lines().filter(|line| line.contains('←')).collect();
    let is_marked = marked.len() == 1
        && marked[0].contains(cause.mark)
        && marked[0].contains(text("reason"))
        && marked[0].contains(cause.says);
    let says_what_to_do = tree.contains(&format!("What to do  {}\n", text("advice")))
        && tree.contains(&format!("Blocked by  {} {}\n", text("kind"), text("name")));
    if is_marked && says_what_to_do {
        Ok(())
    } else {
        Err(format!("describe shows\n{tree}"))
    }
}
