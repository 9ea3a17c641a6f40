//! What `bench api` is asked to do.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail, ensure};

use crate::loads;

/// The options.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// How many objects both servers hold.
    pub(crate) objects: usize,
    /// Names of the loads, in the order in which they run.
    pub(crate) loads: Vec<&'static str>,
    /// How long each load runs on each server.
    pub(crate) time: Duration,
    /// Another build of ours in kube-apiserver's place, to see what a change does.
    pub(crate) against: Option<PathBuf>,
}

impl Plan {
    /// Reads the words after `api`.
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut plan = Self {
            objects: 10_000,
            loads: loads::NAMES.to_vec(),
            time: Duration::from_secs(5),
            against: None,
        };
        while let Some(option) = words.next() {
            let value = words.next().with_context(|| format!("{option} needs a value"))?;
            match option.as_str() {
                "--objects" => plan.objects = value.parse().context("--objects")?,
                "--seconds" => plan.time = Duration::from_secs(value.parse().context("--seconds")?),
                "--against" => plan.against = Some(value.into()),
                "--only" => plan.loads = chosen(&value)?,
                _ => bail!("unknown option {option}; {}", crate::USAGE),
            }
        }
        ensure!(plan.objects >= 1000, "--objects: at least 1000");
        ensure!(!plan.time.is_zero(), "--seconds: at least 1");
        if plan.against.is_some() {
            plan.loads.retain(|name| !loads::OF_KUBE_APISERVER.contains(name));
        }
        Ok(plan)
    }
}

/// The loads of a list, in the usual order.
fn chosen(list: &str) -> anyhow::Result<Vec<&'static str>> {
    let names: Vec<&str> = list.split(',').collect();
    if let Some(unknown) = names.iter().find(|name| !loads::NAMES.contains(name)) {
        bail!("--only: no load {unknown:?}; there are {}", loads::NAMES.join(", "));
    }
    Ok(loads::NAMES.into_iter().filter(|name| names.contains(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> anyhow::Result<Plan> {
        Plan::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options() {
        assert_eq!(read("").unwrap().loads, loads::NAMES);
        let plan = read("--only get,list --objects 2000 --seconds 3").unwrap();
        assert_eq!((plan.objects, plan.time), (2000, Duration::from_secs(3)));
        assert_eq!(plan.loads, ["list", "get"]);
        assert_eq!(read("--only get,start --against x").unwrap().loads, ["get"]);
        for wrong in ["--only nope", "--objects 1", "--seconds 0", "--seconds", "--fast 1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
