//! Strings that responses share with the index, so that a page of hotels is written without copying them.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde::Serialize;

/// A shared string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(Arc<str>);

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl FromStr for Text {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

edge::__string_type!(Text, "string", MetaSchema::new("string"));

/// A shared list of strings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Texts(Arc<[String]>);

impl From<Arc<[String]>> for Texts {
    fn from(texts: Arc<[String]>) -> Self {
        Self(texts)
    }
}

impl Type for Texts {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        Vec::<String>::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        Vec::<String>::schema_ref()
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for Texts {
    fn parse_from_json(value: Option<serde_json::Value>) -> ParseResult<Self> {
        let texts = Vec::<String>::parse_from_json(value);
        texts.map(|texts| Self(texts.into())).map_err(|_| ParseError::custom("not a list of strings"))
    }
}

impl ToJSON for Texts {
    fn to_json(&self) -> Option<serde_json::Value> {
        Some(self.0.iter().map(String::as_str).collect())
    }
}
