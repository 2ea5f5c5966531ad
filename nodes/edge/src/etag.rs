//! Entity tags and conditional requests (RFC 9110). `If-Match` prevents lost updates.

use std::fmt;
use std::str::FromStr;

use poem_openapi::registry::MetaSchema;

use crate::error::ApiError;

/// A strong entity tag. The tag of a resource with a version number is that number: `"7"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The tag of a version of a resource.
    pub fn version(version: u64) -> Self {
        Self(format!("\"{version}\""))
    }

    /// The tag of content without a version: its hash.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(format!("\"{}\"", data_encoding::BASE64URL_NOPAD.encode(&blake3::hash(bytes).as_bytes()[..12])))
    }

    /// The tag in a response's header.
    pub(crate) fn from_header(value: &str) -> Self {
        Self(value.to_owned())
    }

    /// The header's value, with quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the list of an `If-None-Match` header contains this tag, by weak comparison (RFC 9110, 13.1.2).
    pub fn is_in(&self, list: &str) -> bool {
        list.trim() == "*" || list.split(',').any(|tag| tag.trim().trim_start_matches("W/") == self.0)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `If-Match`. As an argument: `#[oai(name = "If-Match")] if_match: Header<Option<edge::IfMatch>>`. Put its
/// [`expected_version`] into the command: the state machine compares versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch(String);

impl IfMatch {
    const CHARS_MAX: usize = 255;

    /// Whether it matches this tag, by strong comparison.
    pub fn matches(&self, tag: &ETag) -> bool {
        self.0.trim() == "*" || self.0.split(',').any(|named| named.trim() == tag.0)
    }
}

/// The version that the client expects; none without the header or with `*`.
///
/// # Errors
/// 412 when the tag is not that of a version, so that no version can match.
pub fn expected_version(if_match: Option<&IfMatch>) -> Result<Option<u64>, ApiError> {
    let Some(IfMatch(named)) = if_match else { return Ok(None) };
    if named.trim() == "*" {
        return Ok(None);
    }
    let version =
        named.trim().strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse().ok());
    version.map(Some).ok_or_else(ApiError::precondition_failed)
}

impl FromStr for IfMatch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > Self::CHARS_MAX {
            Err("not an entity tag")
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for IfMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

crate::__string_type!(
    IfMatch,
    "if_match",
    MetaSchema {
        description: Some(
            "The `ETag` of the version that the change is based on. 412 if the resource has changed since."
        ),
        max_length: Some(Self::CHARS_MAX),
        ..MetaSchema::new("string")
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_other_tags_are_refused() {
        let read = |text: &str| {
            expected_version(Some(&text.parse().unwrap())).map_err(|error| error.problem().status().as_u16())
        };
        assert_eq!(expected_version(None).unwrap(), None);
        for (text, expected) in [
            ("\"7\"", Ok(Some(7))),
            ("*", Ok(None)),
            ("7", Err(412)),
            ("W/\"7\"", Err(412)),
            ("\"x\"", Err(412)),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn if_match_compares_strongly_and_if_none_match_weakly() {
        let tag = ETag::version(3);
        for (list, strong, weak) in [
            ("\"3\"", true, true),
            ("\"1\", \"3\"", true, true),
            ("W/\"3\"", false, true),
            ("*", true, true),
            ("\"33\"", false, false),
        ] {
            assert_eq!(
                (list.parse::<IfMatch>().unwrap().matches(&tag), tag.is_in(list)),
                (strong, weak),
                "{list}"
            );
        }
    }
}
