//! A script of commands, one a line; a backslash continues a line, `#` begins a comment. What `newest` begins is for the newest
//! client alone: there every client makes the same of the same answer.

/// One line.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// `COMMAND`: what it says and how it ends is compared.
    Run(String),
    /// `until COMMAND`: repeated until it succeeds, on each side for itself.
    Until(String),
    /// `watch LINES COMMAND`: started, and waited for until it has printed so many lines.
    Watch(usize, String),
    /// `watched LINES`: waits until what was started has printed so many lines, ends and compares it.
    Watched(usize),
}

/// Reads what of a script is for the newest client, or for another one.
pub(super) fn parse(text: &str, newest: bool) -> Vec<Step> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| match line.strip_prefix("newest ") {
            Some(line) => newest.then_some(line),
            None => Some(line),
        })
        .map(step)
        .collect()
}

fn step(line: &str) -> Step {
    let words = |count| line.splitn(count, char::is_whitespace).collect::<Vec<_>>();
    match *words(3) {
        ["watch", lines, command] => Step::Watch(lines.parse().unwrap(), command.trim().to_owned()),
        ["watched", lines] => Step::Watched(lines.parse().unwrap()),
        _ => match line.strip_prefix("until ") {
            Some(command) => Step::Until(command.trim().to_owned()),
            None => Step::Run(line.to_owned()),
        },
    }
}
