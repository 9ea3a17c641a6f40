//! Slows down guessing: failures are counted by user and by source address.

use std::{collections::HashMap, hash::Hash, net::IpAddr, time::Duration};

use jiff::Timestamp;
use parking_lot::Mutex;

/// Failures count this long.
const WINDOW: Duration = Duration::from_mins(5);
/// Failures in a window, after which a user's passwords are not looked at.
const PER_USER: u32 = 10;
/// The same for an address, behind which there may be several people.
const PER_ADDRESS: u32 = 40;
/// Users and addresses that are remembered.
const REMEMBERED: usize = 4096;

/// The failures of the last minutes.
pub(super) struct Throttle {
    users: Mutex<Table<String>>,
    addresses: Mutex<Table<IpAddr>>,
}

/// An attempt that may be made. It counts as failed until [`Throttle::succeeded`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    user: String,
    address: IpAddr,
}

/// No attempt until then.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany {
    pub(super) until: Timestamp,
}

impl Throttle {
    pub(super) fn new() -> Self {
        Self {
            users: Mutex::new(Table(HashMap::new())),
            addresses: Mutex::new(Table(HashMap::new())),
        }
    }

    /// Asks for an attempt. Whether the user exists makes no difference.
    pub(super) fn begin(&self, user: &str, address: IpAddr, now: Timestamp) -> Result<Attempt, TooMany> {
        let address = network(address);
        self.addresses.lock().count(address, PER_ADDRESS, now)?;
        self.users.lock().count(user.to_owned(), PER_USER, now)?;
        let user = user.to_owned();
        Ok(Attempt { user, address })
    }

    /// The password was right: the user's failures are forgotten, the address's others stay.
    pub(super) fn succeeded(&self, attempt: &Attempt) {
        self.users.lock().0.remove(&attempt.user);
        self.addresses.lock().give_back(&attempt.address);
    }
}

/// Of IPv6 the network of one customer counts, since each has many addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

struct Table<K>(HashMap<K, Failures>);

struct Failures {
    count: u32,
    until: Timestamp,
}

impl<K: Eq + Hash + Clone> Table<K> {
    fn count(&mut self, key: K, limit: u32, now: Timestamp) -> Result<(), TooMany> {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&key) {
            self.make_room(now);
        }
        let failures = self.0.entry(key).or_insert(Failures { count: 0, until: now });
        if failures.until <= now {
            *failures = Failures {
                count: 0,
                until: now + WINDOW,
            };
        }
        if failures.count >= limit {
            return Err(TooMany { until: failures.until });
        }
        failures.count += 1;
        Ok(())
    }

    fn give_back(&mut self, key: &K) {
        if let Some(failures) = self.0.get_mut(key) {
            failures.count = failures.count.saturating_sub(1);
        }
    }

    /// Forgets what is over, else what is over first.
    fn make_room(&mut self, now: Timestamp) {
        self.0.retain(|_, failures| failures.until > now);
        if self.0.len() < REMEMBERED {
            return;
        }
        let first = self.0.iter().min_by_key(|(_, failures)| failures.until);
        if let Some(key) = first.map(|(key, _)| key.clone()) {
            self.0.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn guessing_one_user_stops_and_begins_again_later() {
        let throttle = Throttle::new();
        let address: IpAddr = [127, 0, 0, 1].into();
        for _ in 0..PER_USER {
            throttle.begin("dev", address, at(0)).unwrap();
        }
        assert_eq!(throttle.begin("dev", address, at(299)), Err(TooMany { until: at(300) }));
        throttle.begin("ana", address, at(0)).unwrap();
        throttle.begin("dev", address, at(300)).unwrap();
    }

    #[test]
    fn success_forgets_the_users_failures() {
        let throttle = Throttle::new();
        let address: IpAddr = [127, 0, 0, 1].into();
        for _ in 0..1000 {
            let attempt = throttle.begin("dev", address, at(0)).unwrap();
            throttle.succeeded(&attempt);
        }
    }

    #[test]
    fn one_network_is_one_guesser_whatever_names_it_tries() {
        let throttle = Throttle::new();
        for n in 0..PER_ADDRESS {
            let address: IpAddr = format!("2001:db8::{n:x}").parse().unwrap();
            throttle.begin(&n.to_string(), address, at(0)).unwrap();
        }
        let another: IpAddr = "2001:db8::ffff".parse().unwrap();
        assert!(throttle.begin("x", another, at(0)).is_err());
        assert!(throttle.begin("x", "2001:db8:0:1::1".parse().unwrap(), at(0)).is_ok());
        assert!(throttle.users.lock().0.len() <= REMEMBERED);
    }

    #[test]
    fn the_tables_stay_small() {
        let throttle = Throttle::new();
        for n in 0..10_000_u32 {
            let address = IpAddr::from(n.to_be_bytes());
            throttle.begin(&n.to_string(), address, at(i64::from(n) / 100)).unwrap();
        }
        assert!(throttle.users.lock().0.len() <= REMEMBERED && throttle.addresses.lock().0.len() <= REMEMBERED);
    }
}
