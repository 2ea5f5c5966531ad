//! Pagination: cursors, page limits and pages.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{ParseError, ParseFromParameter, ParseResult, ToJSON, Type};
use protocol::{Timestamp, codec};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use token::Seal;

use crate::error::ApiError;
use crate::problem::problem_types;

/// A position in a list, opaque to the client: `cursor: Query<Option<edge::Cursor>>`. Read by [`Cursors::decode`].
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    const CHARS_MAX: usize = 1024;
}

/// Encodes and decodes cursors. Cheap to clone.
///
/// A cursor is encrypted, and bound to one list: the operation, its filters and its order, but not its limit. The
/// argument `list` of the methods names that list.
#[derive(Debug, Clone)]
pub struct Cursors {
    seal: Seal,
}

impl Cursors {
    /// Cursors under a key that all edges of the cluster share.
    pub fn new(seal: Seal) -> Self {
        Self { seal }
    }

    /// Cursors under a random key, which no other process can decode: for tests and documents.
    pub fn random() -> Self {
        Self::new(token::ClusterKey::random().seal("cursors"))
    }

    /// The cursor of a position in `list`.
    pub fn encode(&self, list: &impl Serialize, position: &impl Serialize) -> Cursor {
        Cursor(self.seal.seal(&(list_id(list), position), None))
    }

    /// The position of a cursor that the client sent, if it sent one.
    ///
    /// # Errors
    /// 400 when the cursor was altered, or belongs to another list.
    pub fn decode<P: DeserializeOwned>(
        &self,
        list: &impl Serialize,
        cursor: Option<Cursor>,
    ) -> Result<Option<P>, ApiError> {
        let Some(Cursor(sealed)) = cursor else { return Ok(None) };
        match self.seal.open::<(u128, P)>(&sealed, Timestamp(0)) {
            Ok((id, position)) if id == list_id(list) => Ok(Some(position)),
            _ => Err(ApiError::new(&problem_types::BAD_CURSOR)),
        }
    }

    /// The first `limit` of `items`, which were queried with one more than the limit. `position` is the position right
    /// after an item.
    pub fn page<T, P: Serialize>(
        &self,
        mut items: Vec<T>,
        limit: Limit,
        list: &impl Serialize,
        position: impl Fn(&T) -> P,
    ) -> Page<T> {
        let more = items.len() > limit.get();
        items.truncate(limit.get());
        let last = if more { items.last() } else { None };
        let next_cursor = last.map(|last| self.encode(list, &position(last)));
        Page { items, next_cursor }
    }
}

fn list_id(list: &impl Serialize) -> u128 {
    codec::hash128(&[&codec::encode(list)])
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
        description: Some(
            "The `next_cursor` of the previous page. Valid for the same filters and order only."
        ),
        max_length: Some(Self::CHARS_MAX),
        ..MetaSchema::new("string")
    }
);

/// The maximum number of items of a page: 1–100, by default 20. `limit: Query<edge::Limit>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u16);

impl Limit {
    /// The greatest limit.
    pub const MAX: u16 = 100;

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
            description: Some("The maximum number of items of the page."),
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
        limit.map(Self).ok_or_else(|| ParseError::custom("must be a number from 1 to 100"))
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

/// One page of a list: `{"items": […], "next_cursor": …}`. The name of its schema is `TPage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The cursor of the next page; none after the last page.
    pub next_cursor: Option<Cursor>,
}

impl<T> Page<T> {
    /// A list of one page.
    pub fn single(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }

    /// The page with converted items.
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
                description: Some("The cursor of the next page; null after the last page."),
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

    fn reject(cursors: &Cursors, list: &impl Serialize, cursor: &str) -> bool {
        cursors.decode::<u64>(list, Some(cursor.parse().unwrap())).is_err()
    }

    #[test]
    fn a_cursor_is_valid_for_its_list_only() {
        let (cursors, list) = (Cursors::random(), ("listHotels", Some("city"), 3u8));
        let cursor = cursors.encode(&list, &("b", u128::MAX));
        let sent: Cursor = cursor.to_string().parse().unwrap();
        let decode =
            |list: &(&str, Option<&str>, u8)| cursors.decode::<(String, u128)>(list, Some(sent.clone()));
        assert_eq!(decode(&list).unwrap(), Some(("b".to_owned(), u128::MAX)));
        assert!(decode(&("listHotels", Some("town"), 3u8)).is_err());
        assert_eq!(cursors.decode::<u64>(&list, None).unwrap(), None);
    }

    #[test]
    fn an_altered_cursor_is_refused() {
        let cursors = Cursors::random();
        let cursor = cursors.encode(&"q", &1u64).to_string();
        assert!(!reject(&cursors, &"q", &cursor));
        for at in 0..cursor.len() {
            let mut changed: Vec<char> = cursor.chars().collect();
            changed[at] = if changed[at] == 'A' { 'B' } else { 'A' };
            assert!(reject(&cursors, &"q", &changed.into_iter().collect::<String>()), "{at}");
        }
        for bad in ["x", "!!", "AAAA", "ü"] {
            assert!(reject(&cursors, &"q", bad), "{bad}");
        }
        let other = Cursors::random();
        assert!(reject(&other, &"q", &cursor), "the key of another cluster");
    }

    #[test]
    fn a_page_has_a_next_cursor_only_if_items_remain() {
        let (cursors, limit) = (Cursors::random(), Limit(2));
        let page = cursors.page(vec![1u8, 2, 3], limit, &"q", |last| *last);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(cursors.decode::<u8>(&"q", page.next_cursor).unwrap(), Some(2));
        assert!(cursors.page(vec![1u8, 2], limit, &"q", |last| *last).next_cursor.is_none());
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
