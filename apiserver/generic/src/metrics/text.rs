//! The text exposition format: declarations, lines, histograms.

use std::fmt::{Display, Write as _};

/// Declares a metric: its help and its type.
pub fn declare(page: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// One sample; `labels` is `name="value",...` whose values need no escaping, or empty.
pub fn line(page: &mut String, name: &str, labels: &str, value: impl Display) {
    let _ = if labels.is_empty() {
        writeln!(page, "{name} {value}")
    } else {
        writeln!(page, "{name}{{{labels}}} {value}")
    };
}

/// A metric that has one sample without labels.
pub fn single(page: &mut String, name: &str, kind: &str, help: &str, value: impl Display) {
    declare(page, name, kind, help);
    line(page, name, "", value);
}

/// Counts of observed values in buckets. The upper bounds are the metric's, and are given anew each time.
#[derive(Clone, Copy, Debug)]
pub struct Histogram<const N: usize> {
    buckets: [u64; N],
    count: u64,
    sum: f64,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Histogram {
            buckets: [0; N],
            count: 0,
            sum: 0.0,
        }
    }
}

impl<const N: usize> Histogram<N> {
    /// Counts a value.
    pub fn observe(&mut self, bounds: &[f64; N], value: f64) {
        self.count += 1;
        self.sum += value;
        let bucket = bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
        }
    }

    /// Counts what another one counted.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        for (bucket, more) in self.buckets.iter_mut().zip(other.buckets) {
            *bucket += more;
        }
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The samples of one label set.
    pub fn render(&self, page: &mut String, name: &str, labels: &str, bounds: &[f64; N]) {
        let comma = if labels.is_empty() { "" } else { "," };
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        for (bound, count) in bounds.iter().zip(self.buckets) {
            below += count;
            line(page, &bucket, &format!("{labels}{comma}le=\"{bound}\""), below);
        }
        line(page, &bucket, &format!("{labels}{comma}le=\"+Inf\""), self.count);
        line(page, &format!("{name}_sum"), labels, self.sum);
        line(page, &format!("{name}_count"), labels, self.count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_is_at_most_its_bound() {
        const BOUNDS: [f64; 3] = [1.0, 2.5, 10.0];
        let mut histogram = Histogram::default();
        for value in [0.5, 1.0, 2.0, 11.0] {
            histogram.observe(&BOUNDS, value);
        }
        let mut page = String::new();
        histogram.render(&mut page, "took", "verb=\"GET\"", &BOUNDS);
        let expected = [
            "took_bucket{verb=\"GET\",le=\"1\"} 2",
            "took_bucket{verb=\"GET\",le=\"2.5\"} 3",
            "took_bucket{verb=\"GET\",le=\"10\"} 3",
            "took_bucket{verb=\"GET\",le=\"+Inf\"} 4",
            "took_sum{verb=\"GET\"} 14.5",
            "took_count{verb=\"GET\"} 4",
        ];
        assert_eq!(page.lines().collect::<Vec<_>>(), expected);
    }
}
