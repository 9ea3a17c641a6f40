//! From text to a tree that is not too deep for those who walk it: a stack that overflows would end the process.

use std::thread;

use kube_cel::cel::{
    common::ast::{EntryExpr, Expr, IdedExpr},
    parser::Parser,
};

/// Longest expression; kube-apiserver sets no limit, but for the size of the definition.
const MAX_LENGTH: usize = 64 << 10;
/// How deep expressions may be nested. Long chains of `&&` and `||` are not deep.
const MAX_DEPTH: usize = 100;
/// How deep brackets may be nested: the parser takes some 50 KiB for each.
const MAX_BRACKETS: usize = 100;
/// Enough for the longest expression however it is nested. Only what is used of it costs memory.
const STACK: usize = 256 << 20;

/// What is made of the tree of an expression, on a stack that is large enough for it. The error says what is wrong with it.
pub(super) fn parsed<T: Send>(
    source: &str,
    make: impl FnOnce(IdedExpr) -> Result<T, String> + Send,
) -> Result<T, String> {
    if source.len() > MAX_LENGTH {
        return Err(format!("longer than {MAX_LENGTH} bytes"));
    }
    if brackets(source) > MAX_BRACKETS {
        return Err(format!("brackets are nested more than {MAX_BRACKETS} times"));
    }
    thread::scope(|scope| {
        let making = thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || parse(source).and_then(make))
            .map_err(|error| format!("no thread to parse it: {error}"))?;
        making.join().unwrap_or_else(|_| Err("it can't be parsed".to_owned()))
    })
}

fn parse(source: &str) -> Result<IdedExpr, String> {
    let parsed = Parser::new().enable_optional_syntax(true).parse(source);
    let parsed = parsed.map_err(|errors| errors.to_string())?;
    if depth(&parsed) > MAX_DEPTH {
        return Err(format!("nested more than {MAX_DEPTH} times"));
    }
    Ok(parsed)
}

/// At least how deep brackets are nested; those in texts count too.
fn brackets(source: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for character in source.bytes() {
        match character {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

fn depth(expression: &IdedExpr) -> usize {
    let deepest = |parts: &[IdedExpr]| parts.iter().map(depth).max().unwrap_or(0);
    let below = match &expression.expr {
        Expr::Call(call) => deepest(&call.args).max(call.target.as_deref().map_or(0, depth)),
        Expr::Select(select) => depth(&select.operand),
        Expr::List(list) => deepest(&list.elements),
        Expr::Map(map) => {
            let entry = |entry: &EntryExpr| match entry {
                EntryExpr::MapEntry(entry) => depth(&entry.key).max(depth(&entry.value)),
                EntryExpr::StructField(field) => depth(&field.value),
            };
            map.entries.iter().map(|held| entry(&held.expr)).max().unwrap_or(0)
        }
        Expr::Comprehension(looped) => [&looped.iter_range, &looped.loop_step]
            .into_iter()
            .map(depth)
            .max()
            .unwrap_or(0),
        Expr::Struct(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => 0,
    };
    below + 1
}
