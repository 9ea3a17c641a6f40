//! Trying a command without effect.

use serde::Serialize;

use crate::{
    error::Result,
    output::{self, Format},
};

/// Flags of commands that can only say what would happen.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct DryRunFlags {
    /// Only say what would happen
    #[arg(long, value_name = "SIDE", value_parser = ["client", "server"])]
    dry_run: Option<String>,
    /// Form of the output of a dry run
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

impl DryRunFlags {
    /// Whether nothing is to happen.
    pub(crate) fn is_on(&self) -> bool {
        self.dry_run.is_some()
    }

    /// Whether not even the server is to be asked.
    pub(crate) fn is_of_client(&self) -> bool {
        self.dry_run.as_deref() == Some("client")
    }

    /// Prints what there would be.
    pub(crate) fn print(&self, object: &impl Serialize) -> Result<()> {
        output::print_object(object, self.output.unwrap_or(Format::Yaml))
    }
}
