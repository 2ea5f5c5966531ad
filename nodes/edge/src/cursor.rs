//! Lists, page by page.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use data_encoding::BASE64URL_NOPAD;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, ToJSON, Type};
use protocol::codec;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::error::ApiError;
use crate::problem::kinds;

/// What cursors are authenticated with, so that they are nobody's but ours.
static KEY: OnceLock<[u8; 32]> = OnceLock::new();
const MAC_BYTES: usize = 12;

/// Derives the cursors' key from a secret that all edges of the cluster share. Call it once, before serving; cursors
/// of a program that never does are checked against damage only.
pub fn key_cursors(secret: &[u8]) {
    // A second call is a second server in one process (a test): the first key serves both.
    let _ = KEY.set(blake3::derive_key("auberge edge cursors v1", secret));
}

/// A place in a list, opaque to the client and good for the same question only:
/// `cursor: Query<Option<edge::Cursor>>`.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    const CHARS_MAX: usize = 1024;

    /// The cursor of a place in the list that `question` asks for: operation, filters and order, but not the limit.
    pub fn at(question: &impl Serialize, position: &impl Serialize) -> Self {
        let position = codec::encode(position);
        let mut bytes = mac(question, &position).to_vec();
        bytes.extend(position);
        Self(BASE64URL_NOPAD.encode(&bytes))
    }

    /// The place.
    ///
    /// # Errors
    /// 400 when the cursor was changed, or belongs to another question.
    pub fn position<P: DeserializeOwned>(&self, question: &impl Serialize) -> Result<P, ApiError> {
        let bad = || ApiError::new(&kinds::BAD_CURSOR);
        let bytes = BASE64URL_NOPAD.decode(self.0.as_bytes()).map_err(|_| bad())?;
        let (sealed, position) = bytes.split_at_checked(MAC_BYTES).ok_or_else(bad)?;
        // Compared as hashes, so that the time it takes tells nothing.
        if blake3::hash(sealed) != blake3::hash(&mac(question, position)) {
            return Err(bad());
        }
        codec::decode(position).map_err(|_| bad())
    }
}

fn mac(question: &impl Serialize, position: &[u8]) -> [u8; MAC_BYTES] {
    let key = KEY.get_or_init(|| blake3::derive_key("auberge edge cursors v1", b""));
    let question = codec::encode(question);
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&(question.len() as u64).to_le_bytes()).update(&question).update(position);
    let mut mac = [0; MAC_BYTES];
    mac.copy_from_slice(&hasher.finalize().as_bytes()[..MAC_BYTES]);
    mac
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > Self::CHARS_MAX {
            Err("not a cursor")
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cursor(…)")
    }
}

crate::__string_type!(
    Cursor,
    "cursor",
    MetaSchema {
        description: Some("`next_cursor` of the page before; for the same filters and order only."),
        max_length: Some(Self::CHARS_MAX),
        ..MetaSchema::new("string")
    }
);

/// How many items a page has at most: 1–100, 20 unless told. `limit: Query<edge::Limit>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u16);

impl Limit {
    /// The most that can be asked for.
    pub const MAX: u16 = 100;

    /// As a count.
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl Type for Limit {
    const IS_REQUIRED: bool = false;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "limit".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema {
            description: Some("How many items a page has at most."),
            minimum: Some(1.0),
            maximum: Some(f64::from(Self::MAX)),
            default: Some(Self::default().0.into()),
            ..MetaSchema::new_with_format("integer", "int32")
        }))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromParameter for Limit {
    fn parse_from_parameter(value: &str) -> ParseResult<Self> {
        let limit = value.parse().ok().filter(|limit| (1..=Self::MAX).contains(limit));
        limit.map(Self).ok_or_else(|| ParseError::custom("not a number from 1 to 100"))
    }

    fn parse_from_parameters<I: IntoIterator<Item = A>, A: AsRef<str>>(values: I) -> ParseResult<Self> {
        let first = values.into_iter().next();
        first.map_or_else(|| Ok(Self::default()), |value| Self::parse_from_parameter(value.as_ref()))
    }
}

impl ToJSON for Limit {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.into())
    }
}

/// One page of a list: `{"items": […], "next_cursor": …}`. Its schema is called `TPage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Where the next page begins; none after the last.
    pub next_cursor: Option<Cursor>,
}

impl<T> Page<T> {
    /// A list that is one page.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }

    /// The first `limit` of `items`, which were asked for with one more than the limit; `position` is a place in the
    /// list just behind an item.
    pub fn cut<P: Serialize>(
        mut items: Vec<T>,
        limit: Limit,
        question: &impl Serialize,
        position: impl Fn(&T) -> P,
    ) -> Self {
        let more = items.len() > limit.get();
        items.truncate(limit.get());
        let last = if more { items.last() } else { None };
        let next_cursor = last.map(|last| Cursor::at(question, &position(last)));
        Self { items, next_cursor }
    }

    /// The same page of other items.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next_cursor: self.next_cursor }
    }
}

impl<T: Type> Type for Page<T> {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(Self::name().into_owned())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(Self::name().into_owned(), |registry| {
            T::register(registry);
            let items = MetaSchema {
                description: Some("The items of this page."),
                items: Some(Box::new(T::schema_ref())),
                ..MetaSchema::new("array")
            };
            let next = MetaSchema {
                description: Some("Where the next page begins; null after the last."),
                nullable: true,
                ..MetaSchema::new("string")
            };
            MetaSchema {
                title: Some(Self::name().into_owned()),
                description: Some("One page of a list."),
                required: vec!["items", "next_cursor"],
                properties: vec![
                    ("items", MetaSchemaRef::Inline(Box::new(items))),
                    ("next_cursor", MetaSchemaRef::Inline(Box::new(next))),
                ],
                ..MetaSchema::new("object")
            }
        });
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl<T: ToJSON> ToJSON for Page<T> {
    fn to_json(&self) -> Option<Value> {
        let items: Vec<Value> = self.items.iter().filter_map(ToJSON::to_json).collect();
        Some(
            serde_json::json!({ "items": items, "next_cursor": self.next_cursor.as_ref().map(|cursor| &cursor.0) }),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_question_only() {
        let question = ("listHotels", Some("city"), 3u8);
        let cursor = Cursor::at(&question, &("b", 7u64));
        let sent: Cursor = cursor.to_string().parse().unwrap();
        assert_eq!(sent.position::<(String, u64)>(&question).unwrap(), ("b".to_owned(), 7));
        assert!(sent.position::<(String, u64)>(&("listHotels", Some("town"), 3u8)).is_err());
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let cursor = Cursor::at(&"q", &1u64).to_string();
        for at in 0..cursor.len() {
            let mut changed: Vec<char> = cursor.chars().collect();
            changed[at] = if changed[at] == 'A' { 'B' } else { 'A' };
            let changed: String = changed.into_iter().collect();
            assert!(changed.parse::<Cursor>().unwrap().position::<u64>(&"q").is_err(), "{at}");
        }
        for bad in ["x", "!!", "AAAA", "ü"] {
            assert!(bad.parse::<Cursor>().unwrap().position::<u64>(&"q").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_page_has_a_next_only_where_there_is_more() {
        let limit = Limit(2);
        let page = Page::cut(vec![1u8, 2, 3], limit, &"q", |last| *last);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(page.next_cursor.unwrap().position::<u8>(&"q").unwrap(), 2);
        assert!(Page::cut(vec![1u8, 2], limit, &"q", |last| *last).next_cursor.is_none());
    }

    #[test]
    fn limits_are_bounded_and_have_a_default() {
        for (text, expected) in
            [("1", Some(1)), ("100", Some(100)), ("0", None), ("101", None), ("x", None), ("", None)]
        {
            assert_eq!(Limit::parse_from_parameter(text).ok().map(Limit::get), expected, "{text}");
        }
        assert_eq!(Limit::parse_from_parameters(Vec::<String>::new()).unwrap().get(), 20);
    }
}
