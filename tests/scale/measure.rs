//! What the processes of a supervisor have used and answered.

use anyhow::Context as _;
use guestcluster_tests::{Mode, Supervisor, Usage, client};

use crate::{guests::Times, metrics::Requests};

/// All processes so far.
pub(crate) struct Measure {
    parts: Vec<Part>,
}

/// A server, and the processes that work for it.
struct Part {
    name: &'static str,
    usage: Usage,
    requests: Requests,
}

impl Measure {
    /// Looks at /proc and at each server's own metrics.
    pub(crate) async fn take(supervisor: &Supervisor, mode: Mode) -> anyhow::Result<Self> {
        let admin = supervisor.admin_kubeconfig();
        let ours = match mode {
            Mode::Embedded => admin.clone(),
            Mode::Aggregated => supervisor.direct_kubeconfig(Some(&supervisor.kubectl())),
        };
        let mut parts = vec![Part {
            name: "our server",
            usage: usage(&[supervisor.pid()])?,
            requests: requests(&ours).await?,
        }];
        if mode == Mode::Aggregated {
            parts.push(Part {
                name: "kube-apiserver",
                usage: usage(&supervisor.host().pids())?,
                requests: requests(&admin).await?,
            });
        }
        Ok(Self { parts })
    }
}

/// Prints what was used between the two.
pub(crate) fn report(guests: u32, times: &Times, before: &Measure, after: &Measure) {
    let count = f64::from(guests.max(1));
    println!("  accepted       {:8.2} s", times.accepted.as_secs_f64());
    println!("  Running        {:8.2} s", times.running.as_secs_f64());
    let mut sum = Requests::default();
    for (before, after) in before.parts.iter().zip(&after.parts) {
        let cpu = after.usage.cpu_seconds - before.usage.cpu_seconds;
        let memory = after.usage.peak_mib - before.usage.resident_mib;
        let answered = after.requests - before.requests;
        sum = sum + answered;
        println!("  {}", after.name);
        println!("    CPU          {cpu:8.2} s   {:8.3} s a guest", cpu / count);
        println!(
            "    memory (peak){:8.0} MiB {:8.0} KiB a guest",
            after.usage.peak_mib,
            memory * 1024.0 / count
        );
        print(answered, count);
    }
    if after.parts.len() > 1 {
        println!("  together");
        print(sum, count);
    }
}

fn print(requests: Requests, count: f64) {
    for (name, number) in [("API requests", requests.all), ("writes", requests.writes)] {
        println!("    {name:13}{number:8.0}     {:8.1} a guest", number / count);
    }
}

/// The use of several processes together.
fn usage(pids: &[u32]) -> anyhow::Result<Usage> {
    let mut sum = Usage::default();
    for pid in pids {
        let usage = Usage::of(*pid).context("/proc of the supervisor can't be read")?;
        sum.cpu_seconds += usage.cpu_seconds;
        sum.resident_mib += usage.resident_mib;
        sum.peak_mib += usage.peak_mib;
    }
    Ok(sum)
}

async fn requests(kubeconfig: &std::path::Path) -> anyhow::Result<Requests> {
    let request = http::Request::get("/metrics").body(vec![])?;
    let page = client(kubeconfig).await?.request_text(request).await?;
    Ok(Requests::read(&page))
}
