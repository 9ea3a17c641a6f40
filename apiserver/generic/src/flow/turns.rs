//! A queue for each user, served one after the other. Pure.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// Who waits, in the order in which they are served: round and round the users, each in their own order.
pub(super) struct Turns<T> {
    of_a_user: usize,
    in_all: usize,
    waiting: usize,
    /// Users who wait, each once.
    order: VecDeque<Arc<str>>,
    queues: HashMap<Arc<str>, VecDeque<T>>,
}

impl<T> Turns<T> {
    /// An empty one with these bounds.
    pub(super) fn new(of_a_user: usize, in_all: usize) -> Self {
        Self {
            of_a_user,
            in_all,
            waiting: 0,
            order: VecDeque::new(),
            queues: HashMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// Adds one of a user's; gives it back when too many wait.
    pub(super) fn push(&mut self, user: &str, one: T) -> Result<(), T> {
        if self.waiting >= self.in_all {
            return Err(one);
        }
        if let Some(queue) = self.queues.get_mut(user) {
            if queue.len() >= self.of_a_user {
                return Err(one);
            }
            queue.push_back(one);
        } else {
            let user: Arc<str> = user.into();
            self.order.push_back(user.clone());
            self.queues.insert(user, VecDeque::from([one]));
        }
        self.waiting += 1;
        Ok(())
    }

    /// Whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let user = self.order.pop_front()?;
        let queue = self.queues.get_mut(&user)?;
        let one = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&user);
        } else {
            self.order.push_back(user);
        }
        self.waiting -= usize::from(one.is_some());
        one
    }

    /// Drops what does not wait any more.
    pub(super) fn retain(&mut self, waits: impl Fn(&T) -> bool) {
        if self.waiting < self.of_a_user {
            return;
        }
        for queue in self.queues.values_mut() {
            queue.retain(&waits);
        }
        self.queues.retain(|_, queue| !queue.is_empty());
        self.order.retain(|user| self.queues.contains_key(user));
        self.waiting = self.queues.values().map(VecDeque::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn users_take_turns_and_keep_their_order() {
        let mut turns = Turns::new(10, 100);
        for (user, one) in [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("c", 5), ("b", 6)] {
            turns.push(user, one).unwrap();
        }
        let served: Vec<_> = std::iter::from_fn(|| turns.pop()).collect();
        assert_eq!(served, [1, 4, 5, 2, 6, 3]);
        assert_eq!(turns.len(), 0);
    }

    #[test]
    fn bounds_hold_for_one_and_for_all() {
        let mut turns = Turns::new(2, 3);
        assert_eq!(turns.push("a", 1), Ok(()));
        assert_eq!(turns.push("a", 2), Ok(()));
        assert_eq!(turns.push("a", 3), Err(3));
        assert_eq!(turns.push("b", 4), Ok(()));
        assert_eq!(turns.push("c", 5), Err(5));
        turns.retain(|one| *one != 1);
        assert_eq!(turns.len(), 2);
        assert_eq!(turns.push("a", 6), Ok(()));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_doubled(users in proptest::collection::vec(0..5_u8, 0..60), every in 1..5_usize) {
            let mut turns = Turns::new(8, 30);
            let mut accepted = Vec::new();
            let mut served = Vec::new();
            for (at, user) in users.iter().enumerate() {
                if turns.push(&user.to_string(), at).is_ok() {
                    accepted.push(at);
                }
                if at % every == 0 {
                    served.extend(turns.pop());
                }
                prop_assert_eq!(turns.len(), accepted.len() - served.len());
            }
            served.extend(std::iter::from_fn(|| turns.pop()));
            served.sort_unstable();
            prop_assert_eq!(served, accepted);
        }
    }
}
