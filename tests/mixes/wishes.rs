//! What a user asks of guest `dev`, and when it is as asked.

use guestcluster_tests::{Kubectl, Mix, eventually};

/// Longest for a step of upstream's, whose managers look again every 30 s for what they don't watch, and back off for minutes.
pub const PATIENCE: u64 = 90;

/// A command of the plugin's about it, which does not wait.
pub fn guest_command(admin: &Kubectl, command: &str) {
    admin.run(&format!("guest {command} --no-wait")).success();
}

/// Waits until it is, in this version, with so many nodes in the control plane and in its pool.
pub fn is_running(mix: &Mix, version: &str, nodes: [u64; 2]) {
    let (admin, minor) = (mix.supervisor().kubectl(), format!("{version}."));
    eventually(PATIENCE, "it is Running", || {
        let guest = admin.json("get guestcluster dev");
        let status = &guest["status"];
        let ready = [&status["controlPlane"], &status["nodePools"][0]].map(|part| part["ready"].as_u64());
        let runs = status["distribution"]["version"].as_str().unwrap_or_default();
        let is_seen = status["observedGeneration"] == guest["metadata"]["generation"];
        let is_over = status["operation"]["step"] == status["operation"]["of"];
        let is_at_rest = status["phase"] == "Running" && is_seen && is_over;
        if is_at_rest && ready == nodes.map(Some) && runs.starts_with(&minor) {
            Ok(())
        } else {
            Err(format!("{status}\n{}", mix.log_tail()))
        }
    });
}
