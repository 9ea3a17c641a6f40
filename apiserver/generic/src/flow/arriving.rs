//! The bodies that are still arriving: how much of them is held, for all and for each user.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

/// Counts the bytes of unfinished bodies. Who sends slowly holds memory and no place among the running requests.
pub struct Arriving {
    of_a_user: usize,
    in_all: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    sum: usize,
    users: HashMap<Arc<str>, usize>,
}

/// What one body holds; given back when it is dropped.
pub struct Share<'a> {
    arriving: &'a Arriving,
    user: Arc<str>,
    bytes: usize,
}

/// No more can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch;

impl Arriving {
    /// With these bounds in bytes.
    pub fn new(of_a_user: usize, in_all: usize) -> Arriving {
        Arriving {
            of_a_user,
            in_all,
            held: Mutex::default(),
        }
    }

    /// What is held at this moment.
    pub fn bytes(&self) -> usize {
        self.held.lock().sum
    }

    /// A body of this user, of which nothing has arrived.
    pub fn begin(&self, user: &str) -> Share<'_> {
        Share {
            arriving: self,
            user: user.into(),
            bytes: 0,
        }
    }
}

impl Share<'_> {
    /// More of it has arrived.
    pub fn grow(&mut self, bytes: usize) -> Result<(), TooMuch> {
        let arriving = self.arriving;
        let mut held = arriving.held.lock();
        let of_user = held.users.get(&self.user).copied().unwrap_or_default() + bytes;
        let sum = held.sum + bytes;
        if of_user > arriving.of_a_user || sum > arriving.in_all {
            return Err(TooMuch);
        }
        held.sum = sum;
        held.users.insert(self.user.clone(), of_user);
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut held = self.arriving.held.lock();
        held.sum -= self.bytes;
        if let Some(of_user) = held.users.get_mut(&self.user) {
            *of_user -= self.bytes;
            if *of_user == 0 {
                held.users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_for_each_user_and_for_all() {
        let arriving = Arriving::new(10, 15);
        let mut first = arriving.begin("a");
        let mut second = arriving.begin("a");
        assert_eq!((first.grow(6), second.grow(4)), (Ok(()), Ok(())));
        assert_eq!(second.grow(1), Err(TooMuch), "the user has enough");
        let mut other = arriving.begin("b");
        assert_eq!(other.grow(5), Ok(()));
        assert_eq!(other.grow(1), Err(TooMuch), "all have enough");
        drop(first);
        assert_eq!(other.grow(5), Ok(()));
        assert_eq!(second.grow(5), Err(TooMuch));
        drop((second, other));
        assert_eq!(arriving.bytes(), 0);
        assert!(arriving.held.lock().users.is_empty());
    }
}
