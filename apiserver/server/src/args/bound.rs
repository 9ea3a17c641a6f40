//! `guestcluster-apiserver bound`: how the process driver starts programs.

use std::ffi::OsString;

use anyhow::Context as _;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Process id of who starts it
    #[arg(long, value_name = "PID")]
    parent: u32,
    /// The program
    program: OsString,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Arguments {
    /// Becomes the program.
    pub(super) fn run(self) -> anyhow::Result<()> {
        let name = self.program.display().to_string();
        let error = process_driver::bound(self.parent, self.program, self.arguments);
        Err(error).with_context(|| format!("cannot run {name}"))
    }
}
