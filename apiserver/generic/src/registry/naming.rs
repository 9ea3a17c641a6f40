//! What names, labels and annotation keys may be, with apimachinery's texts.

use super::NameRule;

/// Problems of an object's name under a rule; none when it is fine.
pub fn name_problems(rule: NameRule, name: &str) -> Vec<String> {
    match rule {
        NameRule::Subdomain => subdomain_problems(name),
        NameRule::Label => label_problems(name),
        NameRule::Label1035 { max } => label_1035_problems(name, max),
        NameRule::PathSegment => path_segment_problems(name),
    }
}

/// RFC 1123 subdomain, at most 253 bytes.
pub fn subdomain_problems(value: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if value.len() > 253 {
        problems.push("must be no more than 253 characters".to_owned());
    }
    if !value.split('.').all(is_label) {
        problems.push(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
             start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                .to_owned(),
        );
    }
    problems
}

/// RFC 1123 label, at most 63 bytes.
pub fn label_problems(value: &str) -> Vec<String> {
    let mut problems = too_long(value, 63);
    if value.contains('.') && value.split('.').all(is_label) {
        problems.push("must not contain dots".to_owned());
    } else if !is_label(value) {
        problems.push(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
             end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
                .to_owned(),
        );
    }
    problems
}

/// Problems of a label key, an annotation key or a finalizer: a name with an optional DNS prefix.
pub fn qualified_name_problems(value: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let name = match value.split('/').collect::<Vec<_>>().as_slice() {
        [name] => *name,
        ["", name] => {
            problems.push("prefix part must be non-empty".to_owned());
            *name
        }
        [prefix, name] => {
            problems.extend(
                subdomain_problems(prefix)
                    .into_iter()
                    .map(|problem| format!("prefix part {problem}")),
            );
            *name
        }
        _ => {
            return vec![format!(
                "a valid label key {QUALIFIED_NAME} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        problems.push("name part must be non-empty".to_owned());
    }
    problems.extend(
        too_long(name, 63)
            .into_iter()
            .map(|problem| format!("name part {problem}")),
    );
    if !is_plain_name(name) {
        problems.push(format!("name part {QUALIFIED_NAME}"));
    }
    problems
}

/// Problems of a label's value.
pub fn label_value_problems(value: &str) -> Vec<String> {
    let mut problems = too_long(value, 63);
    if !value.is_empty() && !is_plain_name(value) {
        problems.push(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
             start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
             validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
                .to_owned(),
        );
    }
    problems
}

const QUALIFIED_NAME: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                              alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for \
                              validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

fn label_1035_problems(value: &str, max: usize) -> Vec<String> {
    let mut problems = too_long(value, max);
    if !is_label(value) || !value.starts_with(|first: char| first.is_ascii_lowercase()) {
        problems.push(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
             character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for \
             validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
                .to_owned(),
        );
    }
    problems
}

fn path_segment_problems(value: &str) -> Vec<String> {
    if value == "." || value == ".." {
        return vec![format!("may not be '{value}'")];
    }
    let illegal = ['/', '%'].into_iter().filter(|character| value.contains(*character));
    illegal
        .map(|character| format!("may not contain '{character}'"))
        .collect()
}

fn too_long(value: &str, max: usize) -> Vec<String> {
    if value.len() > max {
        vec![format!("must be no more than {max} bytes")]
    } else {
        Vec::new()
    }
}

fn is_label(value: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !value.is_empty() && value.chars().all(inner) && !value.starts_with('-') && !value.ends_with('-')
}

fn is_plain_name(value: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let edge = |c: char| c.is_ascii_alphanumeric();
    !value.is_empty() && value.chars().all(inner) && value.starts_with(edge) && value.ends_with(edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subdomains() {
        for name in ["a", "a-b.c", "0", "x".repeat(253).as_str()] {
            assert!(subdomain_problems(name).is_empty(), "{name}");
        }
        for name in ["", "A_", "-a", "a-", "a..b", ".a", "ä", "x".repeat(254).as_str()] {
            assert!(!subdomain_problems(name).is_empty(), "{name}");
        }
        assert_eq!(
            subdomain_problems(&"x".repeat(254)),
            ["must be no more than 253 characters"]
        );
    }

    #[test]
    fn qualified_names() {
        for name in ["a", "A.b_c-d", "example.com/Name", "x".repeat(63).as_str()] {
            assert!(qualified_name_problems(name).is_empty(), "{name}");
        }
        for name in [
            "",
            "/a",
            "a/",
            "a/b/c",
            "-a",
            "Upper.Prefix/a",
            "a b",
            "x".repeat(64).as_str(),
        ] {
            assert!(!qualified_name_problems(name).is_empty(), "{name}");
        }
        assert_eq!(qualified_name_problems("/a"), ["prefix part must be non-empty"]);
    }

    #[test]
    fn other_rules() {
        assert!(label_value_problems("").is_empty());
        assert!(!label_value_problems("a b").is_empty());
        assert!(name_problems(NameRule::Label1035 { max: 40 }, "a-1").is_empty());
        assert!(!name_problems(NameRule::Label1035 { max: 40 }, "1-a").is_empty());
        assert_eq!(
            name_problems(NameRule::Label1035 { max: 3 }, "abcd"),
            ["must be no more than 3 bytes"]
        );
        assert!(name_problems(NameRule::PathSegment, "system:node").is_empty());
        assert_eq!(name_problems(NameRule::PathSegment, ".."), ["may not be '..'"]);
        assert_eq!(
            name_problems(NameRule::PathSegment, "a/b%"),
            ["may not contain '/'", "may not contain '%'"]
        );
    }
}
