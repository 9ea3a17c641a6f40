//! Generates the checked-in schema files from the pinned upstream modules, or verifies that they are what would be generated.
//!
//! `schemas update|verify MODULES` where MODULES is a Go module cache that holds the modules of `hack/schemas`.

mod crd;
mod openapi;
mod print;
mod roles;
mod sources;
mod structs;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};

/// File name below the project's root, and its text.
pub(crate) type Files = BTreeMap<PathBuf, String>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("schemas: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let command = arguments.next().context("first argument: update or verify")?;
    let modules = PathBuf::from(
        arguments
            .next()
            .context("second argument: folder of the Go module cache")?,
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");

    let mut files = Files::new();
    openapi::generate(&modules, &root, &mut files)?;
    crd::generate(&modules, &mut files)?;
    roles::generate(&modules, &mut files)?;
    structs::generate(&modules, &mut files)?;
    match command.as_str() {
        "update" => update(&root, &files),
        "verify" => verify(&root, &files),
        other => bail!("unknown command {other:?}: update or verify"),
    }
}

fn update(root: &Path, files: &Files) -> Result<()> {
    for (path, text) in files {
        let path = root.join(path);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    println!("wrote {} files", files.len());
    Ok(())
}

fn verify(root: &Path, files: &Files) -> Result<()> {
    let stale: Vec<String> = files
        .iter()
        .filter(|(path, text)| fs::read_to_string(root.join(path)).ok().as_ref() != Some(text))
        .map(|(path, _)| path.display().to_string())
        .collect();
    if !stale.is_empty() {
        bail!("not as generated, run `hack/schemas update`: {}", stale.join(", "));
    }
    println!("{} files are as generated", files.len());
    Ok(())
}
