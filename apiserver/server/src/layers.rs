//! Which of the three layers run.

use std::{fmt, str::FromStr};

/// The value of `--layers`: `all`, `none`, or names of layers with commas between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layers {
    /// GuestCluster to Cluster API objects.
    pub(crate) guest: bool,
    /// Cluster API objects to VM objects.
    pub(crate) machine: bool,
    /// VM objects to VMs.
    pub(crate) vm: bool,
}

impl Layers {
    /// No controller writes anything.
    const NONE: Layers = Layers {
        guest: false,
        machine: false,
        vm: false,
    };
    /// The whole picture.
    const ALL: Layers = Layers {
        guest: true,
        machine: true,
        vm: true,
    };
}

/// As `--layers` takes it.
impl fmt::Display for Layers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [("guest", self.guest), ("machine", self.machine), ("vm", self.vm)];
        let running: Vec<&str> = named
            .into_iter()
            .filter_map(|(name, runs)| runs.then_some(name))
            .collect();
        match running.len() {
            0 => formatter.write_str("none"),
            3 => formatter.write_str("all"),
            _ => formatter.write_str(&running.join(",")),
        }
    }
}

impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> Result<Layers, String> {
        match text {
            "all" => return Ok(Layers::ALL),
            "none" => return Ok(Layers::NONE),
            _ => {}
        }
        let mut layers = Layers::NONE;
        for name in text.split(',') {
            match name {
                "guest" => layers.guest = true,
                "machine" => layers.machine = true,
                "vm" => layers.vm = true,
                "all" | "none" => return Err(format!("{name} stands alone; name layers as guest,vm")),
                _ => {
                    return Err(format!(
                        "there is no layer {name:?}; accepted: all, none, or some of guest,machine,vm"
                    ));
                }
            }
        }
        Ok(layers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_named_or_all_or_none() {
        let some = Layers {
            machine: false,
            ..Layers::ALL
        };
        assert_eq!("guest,vm".parse(), Ok(some));
        assert_eq!("all".parse(), Ok(Layers::ALL));
        assert_eq!("none".parse(), Ok(Layers::NONE));
        for (text, expected) in [("guest,all", "stands alone"), ("vms", "guest,machine,vm"), ("", "\"\"")] {
            let error = text.parse::<Layers>().unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
