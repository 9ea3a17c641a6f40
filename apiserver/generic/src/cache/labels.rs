//! The labels of one object in one piece of memory: a list by label looks at those of thousands.

/// Labels with their keys and values. Of each: the lengths of key and value, the key, the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Box<[u8]>);

/// Bytes of one length.
const LENGTH: usize = size_of::<u16>();

impl Labels {
    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        let (_, value) = self.pairs().find(|(candidate, _)| *candidate == key.as_bytes())?;
        // Made from text.
        std::str::from_utf8(value).ok()
    }

    /// Bytes that they keep alive.
    pub(super) fn weight(&self) -> usize {
        self.0.len()
    }

    /// Keys and values.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (key, behind) = rest.split_first_chunk::<LENGTH>()?;
            let (value, behind) = behind.split_first_chunk::<LENGTH>()?;
            let (key, behind) = behind.split_at_checked(u16::from_le_bytes(*key).into())?;
            let (value, behind) = behind.split_at_checked(u16::from_le_bytes(*value).into())?;
            rest = behind;
            Some((key, value))
        })
    }
}

/// Labels longer than any valid one are left out.
impl<'a> FromIterator<(&'a str, &'a str)> for Labels {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(labels: T) -> Self {
        let mut bytes = Vec::new();
        for (key, value) in labels {
            let (Ok(key_length), Ok(value_length)) = (u16::try_from(key.len()), u16::try_from(value.len())) else {
                continue;
            };
            bytes.extend_from_slice(&key_length.to_le_bytes());
            bytes.extend_from_slice(&value_length.to_le_bytes());
            bytes.extend_from_slice(key.as_bytes());
            bytes.extend_from_slice(value.as_bytes());
        }
        Self(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_by_key() {
        let long = "x".repeat(70_000);
        let labels: Labels = [("app", "web"), ("empty", ""), ("long", &long), ("größe", "groß")]
            .into_iter()
            .collect();
        assert_eq!(labels.get("app"), Some("web"));
        assert_eq!(labels.get("empty"), Some(""));
        assert_eq!(labels.get("größe"), Some("groß"));
        assert_eq!([labels.get("ap"), labels.get("web"), labels.get("long")], [None; 3]);
        assert_eq!(Labels::default().get(""), None);
    }
}
