//! Runs of reconcilers over objects: each has a deadline, and is told of to whoever counts them.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use kube::runtime::controller::Action;
use tokio::time::error::Elapsed;

use crate::retries::DEADLINE;

/// Is told of each run. A controller is named by its kind in small letters, as controller-runtime does.
pub trait Observer: Send + Sync + 'static {
    /// A run begins.
    fn began(&self, controller: &'static str);

    /// A run has ended, or was cut off because its layer stops.
    fn ended(&self, controller: &'static str, outcome: Outcome, took: Duration);

    /// A revocation has come into force on every control-plane node, so long after it was asked for.
    fn in_force(&self, after: Duration);
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// There is nothing to do until something changes.
    Success,
    /// The object is looked at again after a time, also if nothing changes.
    RequeueAfter,
    /// It failed, and is tried again with growing pauses.
    Error,
    /// It did not come to its end: the layer stops.
    Cut,
}

/// The runs of all layers, and who is told of them: nobody by default.
#[derive(Clone, Default)]
pub struct Runs(Option<Arc<dyn Observer>>);

/// What a run leaves to be done.
pub(crate) trait Plan {
    /// Whether the object is looked at again after a time.
    fn is_later(&self) -> bool;
}

impl Runs {
    /// Runs that this observer is told of.
    pub fn told_to(observer: Arc<dyn Observer>) -> Self {
        Self(Some(observer))
    }

    /// One run over one object: a failure when it has no end in time.
    pub(crate) async fn run<P: Plan, E: From<Elapsed>>(
        &self,
        controller: &'static str,
        work: impl Future<Output = Result<P, E>>,
    ) -> Result<P, E> {
        let mut run = self.begin(controller);
        let result = tokio::time::timeout(DEADLINE, work)
            .await
            .map_err(E::from)
            .and_then(|result| result);
        run.outcome = match &result {
            Ok(plan) if plan.is_later() => Outcome::RequeueAfter,
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Error,
        };
        result
    }

    /// A revocation that was asked for at this time is in force.
    pub(crate) fn in_force(&self, since: Timestamp) {
        if let Some(observer) = &self.0 {
            // Clocks that go back make it nothing.
            let after = Duration::try_from(Timestamp::now().duration_since(since));
            observer.in_force(after.unwrap_or_default());
        }
    }

    fn begin(&self, controller: &'static str) -> Run<'_> {
        let observer = self.0.as_deref();
        if let Some(observer) = observer {
            observer.began(controller);
        }
        Run {
            observer,
            controller,
            outcome: Outcome::Cut,
            began: Instant::now(),
        }
    }
}

/// A run that is under way; its end is told of whichever way it comes.
struct Run<'r> {
    observer: Option<&'r dyn Observer>,
    controller: &'static str,
    outcome: Outcome,
    began: Instant,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if let Some(observer) = self.observer {
            observer.ended(self.controller, self.outcome, self.began.elapsed());
        }
    }
}

impl Plan for Action {
    fn is_later(&self) -> bool {
        *self != Action::await_change()
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures::FutureExt as _;
    use parking_lot::Mutex;

    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<(&'static str, Option<Outcome>)>>);

    impl Observer for Heard {
        fn began(&self, controller: &'static str) {
            self.0.lock().push((controller, None));
        }

        fn ended(&self, controller: &'static str, outcome: Outcome, _took: Duration) {
            self.0.lock().push((controller, Some(outcome)));
        }

        fn in_force(&self, _after: Duration) {}
    }

    type Ran = Result<Action, Elapsed>;

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_run_is_told_whichever_way_it_comes() {
        let heard = Arc::new(Heard::default());
        let runs = Runs::told_to(heard.clone());
        let ended = || heard.0.lock().pop().and_then(|(_, outcome)| outcome);

        runs.run("x", async { Ran::Ok(Action::await_change()) }).await.unwrap();
        assert_eq!(ended(), Some(Outcome::Success));
        let later = Action::requeue(Duration::from_secs(1));
        runs.run("x", async { Ran::Ok(later) }).await.unwrap();
        assert_eq!(ended(), Some(Outcome::RequeueAfter));
        runs.run("x", pending::<Ran>()).await.unwrap_err();
        assert_eq!(ended(), Some(Outcome::Error), "no end in time");
        assert!(runs.run("x", pending::<Ran>()).now_or_never().is_none());
        assert_eq!(ended(), Some(Outcome::Cut));
        assert_eq!(*heard.0.lock(), [("x", None); 4], "each began");
    }
}
