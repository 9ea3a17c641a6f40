//! Request counts from a page of metrics.

use std::ops::{Add, Sub};

/// How many requests a server has answered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Requests {
    /// All of them.
    pub(crate) all: f64,
    /// Those that wrote.
    pub(crate) writes: f64,
}

impl Requests {
    /// Sums `apiserver_request_total`.
    pub(crate) fn read(page: &str) -> Self {
        let mut sum = Self::default();
        for line in page.lines().filter(|line| line.starts_with("apiserver_request_total{")) {
            let Some((labels, count)) = line.rsplit_once(' ') else {
                continue;
            };
            let Ok(count) = count.parse::<f64>() else { continue };
            sum.all += count;
            let writes = ["POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"]
                .iter()
                .any(|verb| labels.contains(&format!("verb=\"{verb}\"")));
            let accepted = labels.contains("code=\"2");
            // Questions about rights are written like objects, and write nothing.
            let stored = writes && accepted && !labels.contains("reviews\"");
            sum.writes += if stored { count } else { 0.0 };
        }
        sum
    }
}

impl Add for Requests {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            all: self.all + other.all,
            writes: self.writes + other.writes,
        }
    }
}

impl Sub for Requests {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            all: self.all - other.all,
            writes: self.writes - other.writes,
        }
    }
}
