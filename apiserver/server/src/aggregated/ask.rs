//! Asking the host while a user waits.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::failure::{is_transient, reason};

/// How long an answer may take, all tries together.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long one try may take: a connection that died silently must not use up all the time.
const TRY: Duration = Duration::from_secs(5);
/// Pauses before the second and the third try.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_millis(750)];

/// The host's answer, asked for again after a failure that may be over. The error is the last failure, in words.
pub(super) async fn ask<T, R>(request: impl Fn() -> R) -> Result<T, String>
where
    R: Future<Output = kube::Result<T>>,
{
    let deadline = Instant::now() + DEADLINE;
    let mut pauses = PAUSES.into_iter();
    loop {
        let failure = match timeout_at(deadline.min(Instant::now() + TRY), request()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if !is_transient(&error) => return Err(reason(&error)),
            Ok(Err(error)) => reason(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        match pauses.next() {
            Some(pause) if Instant::now() + pause < deadline => sleep(pause).await,
            _ => return Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use kube::core::Status;

    use super::*;

    fn answered(code: u16) -> kube::Error {
        kube::Error::Api(Box::new(Status::failure("no", "Reason").with_code(code)))
    }

    /// What comes of asking a host that fails so often with this code, and how often it was asked.
    async fn ask_one_that_fails(times: usize, code: u16) -> (Result<(), String>, usize) {
        let asked = AtomicUsize::new(0);
        let answer = ask(|| {
            let fails = asked.fetch_add(1, Ordering::SeqCst) < times;
            std::future::ready(if fails { Err(answered(code)) } else { Ok(()) })
        });
        (answer.await, asked.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_failure_is_tried_again_and_a_refusal_not() {
        assert_eq!(ask_one_that_fails(0, 500).await, (Ok(()), 1));
        assert_eq!(ask_one_that_fails(2, 503).await, (Ok(()), 3));
        assert_eq!(ask_one_that_fails(3, 429).await, (Err("no".to_owned()), 3));
        assert_eq!(ask_one_that_fails(1, 403).await, (Err("no".to_owned()), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_has_an_end() {
        let began = Instant::now();
        let asked = AtomicUsize::new(0);
        let silent = ask(|| {
            asked.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<kube::Result<()>>()
        });
        assert_eq!(silent.await, Err("no answer in time".to_owned()));
        assert_eq!((began.elapsed(), asked.into_inner()), (DEADLINE, 2));
    }
}
