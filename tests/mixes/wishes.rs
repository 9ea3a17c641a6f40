//! What a user asks of guest `dev`, and when it is as asked.

use guestcluster_tests::{Kubectl, Mix, eventually};
use serde_json::Value;

/// Longest for a step of upstream's, whose managers look again every 30 s for what they don't watch, and back off for minutes.
pub const PATIENCE: u64 = 240;

/// A command of the plugin's about it, which does not wait.
pub fn guest_command(admin: &Kubectl, command: &str) {
    admin.run(&format!("guest {command} --no-wait")).success();
}

/// Waits until it is, in this version, with so many nodes in the control plane and in its pool.
pub fn is_running(mix: &Mix, version: &str, nodes: [u64; 2]) {
    let admin = mix.supervisor().kubectl();
    eventually(PATIENCE, "it is Running", || {
        at_rest(&admin.json("get guestcluster dev"), version, nodes).map_err(|why| format!("{why}\n{}", mix.log_tail()))
    });
}

/// Whether a guest runs as was asked for last, in this version, with so many nodes in the control plane and in its pool.
pub fn at_rest(guest: &Value, version: &str, nodes: [u64; 2]) -> Result<(), String> {
    let status = &guest["status"];
    let ready = [&status["controlPlane"], &status["nodePools"][0]].map(|part| part["ready"].as_u64());
    let runs = status["distribution"]["version"].as_str().unwrap_or_default();
    let is_seen = status["observedGeneration"] == guest["metadata"]["generation"];
    let is_over = status["operation"]["step"] == status["operation"]["of"];
    let is_at_rest = status["phase"] == "Running" && is_seen && is_over;
    if is_at_rest && ready == nodes.map(Some) && runs.starts_with(&format!("{version}.")) {
        Ok(())
    } else {
        Err(status.to_string())
    }
}
