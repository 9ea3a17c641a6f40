//! Leaves in a set of protocol files only what some methods need.

use std::collections::BTreeSet;

use anyhow::ensure;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

/// Keeps these methods of these services, and every type that they reach.
pub(crate) fn only(set: &mut FileDescriptorSet, methods: &[(&str, &[&str])]) -> anyhow::Result<()> {
    let mut wanted = Vec::new();
    for file in &mut set.file {
        file.service.retain_mut(|service| {
            let Some((_, names)) = methods.iter().find(|(name, _)| *name == service.name()) else {
                return false;
            };
            service.method.retain(|method| names.contains(&method.name()));
            true
        });
        let kept = file.service.iter().flat_map(|service| &service.method);
        wanted.extend(kept.flat_map(|method| [method.input_type().to_owned(), method.output_type().to_owned()]));
    }
    let expected: usize = methods.iter().map(|(_, names)| names.len()).sum();
    ensure!(wanted.len() == 2 * expected, "a method is not there any more");
    let reached = reach(set, wanted);
    for file in &mut set.file {
        let package = file.package().to_owned();
        let is_reached = |name: &str| reached.contains(&format!(".{package}.{name}"));
        file.message_type.retain(|message| is_reached(message.name()));
        file.enum_type.retain(|one| is_reached(one.name()));
        file.extension.clear();
        file.source_code_info = None;
    }
    set.file.retain(|file| !(file.message_type.is_empty() && file.enum_type.is_empty() && file.service.is_empty()));
    let left: BTreeSet<_> = set.file.iter().map(|file| file.name().to_owned()).collect();
    for file in &mut set.file {
        file.dependency.retain(|name| left.contains(name));
        file.public_dependency.clear();
        file.weak_dependency.clear();
    }
    Ok(())
}

/// Names of the top-level types that these reach.
fn reach(set: &FileDescriptorSet, mut wanted: Vec<String>) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        let Some(top) = set.file.iter().find_map(|file| top_level(file, &name)) else {
            continue;
        };
        if reached.insert(top.clone())
            && let Some(message) = set.file.iter().find_map(|file| message(file, &top))
        {
            references(message, &mut wanted);
        }
    }
    reached
}

/// The top-level type of this file that is or holds `name`.
fn top_level(file: &FileDescriptorProto, name: &str) -> Option<String> {
    let package = format!(".{}.", file.package());
    let top = name.strip_prefix(&package)?.split('.').next()?;
    let is_here = file.message_type.iter().any(|message| message.name() == top)
        || file.enum_type.iter().any(|one| one.name() == top);
    is_here.then(|| format!("{package}{top}"))
}

fn message<'a>(file: &'a FileDescriptorProto, name: &str) -> Option<&'a DescriptorProto> {
    let package = format!(".{}.", file.package());
    let name = name.strip_prefix(&package)?;
    file.message_type.iter().find(|message| message.name() == name)
}

fn references(message: &DescriptorProto, wanted: &mut Vec<String>) {
    wanted.extend(message.field.iter().filter_map(|field| field.type_name.clone()));
    for nested in &message.nested_type {
        references(nested, wanted);
    }
}
