//! Each way in which a guest can be blocked, as data, and what its user sees of it at the top.
//!
//! The VM layer is the test: it writes what VM Operator would write, so that the same list runs over our machine layer and over
//! upstream's.

mod causes;
mod happens;
mod played;
#[path = "../layers/played_evictions.rs"]
#[expect(dead_code, reason = "tests of drains want more of it")]
mod played_evictions;
#[path = "../layers/played_guest.rs"]
mod played_guest;
mod seen;
mod vms;

use std::{fmt::Write as _, time::Instant};

use guestcluster_tests::Supervisor;

pub(crate) use self::{causes::Cause, seen::Seen};
use self::{
    causes::{CAUSES, Inject},
    played::Played,
};

/// Longest until the top says what a lower object shows.
const SOON: f64 = 5.0;

/// Blocks guests in each way and prints what is seen at the top, and after how many seconds; what was seen. Every way that is not
/// seen as it must be is told of at the end.
pub(crate) fn every_cause_is_told_at_the_top(
    supervisor: &Supervisor,
    machine_layer: &str,
) -> Vec<(&'static Cause, Seen)> {
    let (mut played, began) = (Played::new(supervisor), Instant::now());
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    let mut table =
        format!("| cause | message at the top | seconds with {machine_layer} machine layer |\n|---|---|---|\n");
    for cause in CAUSES {
        let seen = told(&mut played, cause);
        let (message, seconds) = match &seen {
            Ok(seen) => (seen.message.clone(), format!("{:.2}", seen.seconds)),
            Err(why) => (
                format!("WRONG: {}", why.lines().next().unwrap_or_default()),
                "-".to_owned(),
            ),
        };
        let row = format!("| {} | {message} | {seconds} |", cause.what);
        // As it goes: upstream's machine layer may take its time.
        eprintln!("{:6.1} {row}", began.elapsed().as_secs_f64());
        writeln!(table, "{row}").expect("a string takes everything");
        match seen {
            Ok(seen) => right.push((cause, seen)),
            Err(why) => wrong.push(format!("{}: {why}", cause.what)),
        }
    }
    println!("{table}");
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        CAUSES.len(),
        wrong.join("\n\n")
    );
    right
}

/// Makes it happen, waits until a lower object shows it, and looks at the top.
fn told(played: &mut Played<'_>, cause: &Cause) -> Result<Seen, String> {
    match cause.inject {
        Inject::Vm(role, stage, conditions) => played.report(cause.guest, role, &vms::status(stage, conditions))?,
        Inject::Service(ingress, annotation) => played.report_service(cause.guest, ingress, annotation)?,
        Inject::Happens(happens) => happens(played)?,
    }
    let begun = Instant::now();
    seen::at_the_top(played, cause, begun)
}
