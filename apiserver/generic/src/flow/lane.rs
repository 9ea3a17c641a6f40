//! Places for requests of one kind, and the users who wait for them.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::oneshot, time::timeout};

use super::turns::Turns;

/// Requests of one user that may wait.
const WAITING_OF_A_USER: usize = 100;
/// Requests that may wait in all.
const WAITING: usize = 2000;
/// Longest that a request waits for a place: a quarter of the usual deadline, as kube-apiserver's.
const PATIENCE: Duration = Duration::from_secs(15);

/// A number of places.
pub(super) struct Lane {
    limit: usize,
    state: Arc<Mutex<State>>,
}

struct State {
    running: usize,
    turns: Turns<oneshot::Sender<Ticket>>,
}

/// A place among the running requests; when dropped it goes to whose turn it is.
#[derive(Debug)]
pub struct Ticket {
    state: Arc<Mutex<State>>,
}

/// There is no place, and none will be soon enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Lane {
    pub(super) fn new(limit: usize) -> Lane {
        let state = State {
            running: 0,
            turns: Turns::new(WAITING_OF_A_USER, WAITING),
        };
        Lane {
            limit,
            state: Arc::new(Mutex::new(state)),
        }
    }

    pub(super) fn try_enter(&self) -> Option<Ticket> {
        let mut state = self.state.lock();
        self.take(&mut state)
    }

    pub(super) async fn enter(&self, user: &str) -> Result<Ticket, Full> {
        let turn = {
            let mut state = self.state.lock();
            if let Some(ticket) = self.take(&mut state) {
                return Ok(ticket);
            }
            let (called, turn) = oneshot::channel();
            // Who gave up waiting holds no place in the queue.
            state.turns.retain(|waiting| !waiting.is_closed());
            state.turns.push(user, called).map_err(|_| Full)?;
            turn
        };
        // A ticket that is sent too late is dropped with its channel, and goes on to the next.
        match timeout(PATIENCE, turn).await {
            Ok(Ok(ticket)) => Ok(ticket),
            Ok(Err(_)) | Err(_) => Err(Full),
        }
    }

    pub(super) fn running(&self) -> usize {
        self.state.lock().running
    }

    pub(super) fn waiting(&self) -> usize {
        self.state.lock().turns.len()
    }

    /// Those who come later don't overtake who waits: there is only a free place when nobody does.
    fn take(&self, state: &mut State) -> Option<Ticket> {
        if state.running >= self.limit {
            return None;
        }
        state.running += 1;
        Some(Ticket {
            state: self.state.clone(),
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let next = {
            let mut state = self.state.lock();
            let next = std::iter::from_fn(|| state.turns.pop()).find(|waiting| !waiting.is_closed());
            if next.is_none() {
                state.running -= 1;
            }
            next
        };
        if let Some(waiting) = next {
            let ticket = Ticket {
                state: self.state.clone(),
            };
            // Refused when the waiting ended just now: the ticket is dropped here and goes on to the next.
            let _ = waiting.send(ticket);
        }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("State")
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures::{FutureExt as _, poll};

    use super::*;

    /// Waits in the lane; the future must be polled to take its place in the queue.
    async fn queued<'a>(
        lane: &'a Lane,
        user: &'a str,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Ticket, Full>> + 'a>> {
        let mut waiting = Box::pin(lane.enter(user));
        assert!(poll!(&mut waiting).is_pending());
        waiting
    }

    #[test]
    fn places_are_taken_and_given_back() {
        let lane = Lane::new(2);
        let first = lane.try_enter().unwrap();
        let second = lane.enter("a").now_or_never().unwrap().unwrap();
        assert!(lane.try_enter().is_none());
        assert_eq!(lane.running(), 2);
        drop((first, second));
        assert_eq!(lane.running(), 0);
    }

    #[tokio::test]
    async fn users_take_turns_however_much_one_of_them_asks() {
        let lane = Lane::new(1);
        let running = lane.try_enter().unwrap();
        let mut storm = Vec::new();
        for _ in 0..50 {
            storm.push(queued(&lane, "storm").await);
        }
        let other = queued(&lane, "other").await;
        assert_eq!(lane.waiting(), 51);
        drop(running);
        let first = storm.remove(0).await.unwrap();
        drop(first);
        let second = other.await.unwrap();
        assert_eq!(lane.running(), 1);
        drop(second);
        for waiting in storm {
            drop(waiting.await.unwrap());
        }
        assert_eq!((lane.running(), lane.waiting()), (0, 0));
    }

    #[tokio::test]
    async fn who_gives_up_holds_no_place() {
        let lane = Lane::new(1);
        let running = lane.try_enter().unwrap();
        let gone = queued(&lane, "a").await;
        let mut stays = queued(&lane, "a").await;
        drop(gone);
        drop(running);
        assert!(matches!(poll!(&mut stays), Poll::Ready(Ok(_))));
        assert_eq!(lane.running(), 0);
    }

    #[tokio::test]
    async fn a_ticket_that_comes_too_late_goes_on() {
        let lane = Lane::new(1);
        let running = lane.try_enter().unwrap();
        let gone = queued(&lane, "a").await;
        let mut next = queued(&lane, "b").await;
        // Handed over, and never fetched.
        drop(running);
        drop(gone);
        assert!(matches!(poll!(&mut next), Poll::Ready(Ok(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn the_waiting_has_bounds() {
        let lane = Lane::new(1);
        let _running = lane.try_enter().unwrap();
        let mut waiting = Vec::new();
        for _ in 0..WAITING_OF_A_USER {
            waiting.push(queued(&lane, "a").await);
        }
        assert_eq!(lane.enter("a").now_or_never().unwrap().unwrap_err(), Full);
        assert_eq!(lane.enter("b").await.unwrap_err(), Full, "nobody left in time");
        drop(waiting);
        assert!(
            poll!(Box::pin(lane.enter("a"))).is_pending(),
            "those who gave up made room"
        );
    }
}
