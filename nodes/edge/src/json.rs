//! JSON whose objects name no member twice. Parsers differ in which of two members they use (RFC 8259, 4), so that a proxy
//! or a signature check may have seen another value than the operation.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::problem::FieldError;

/// The maximum number of repeated members that are reported.
const ERRORS_MAX: usize = 20;

/// Parses JSON, and finds the members that are repeated. The value contains the first of them.
///
/// # Errors
/// When the text is not JSON.
pub fn parse_json(bytes: &[u8]) -> Result<(Value, Vec<FieldError>), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let (mut pointer, mut repeated) = (String::new(), Vec::new());
    let value = Element { pointer: &mut pointer, repeated: &mut repeated }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, repeated))
}

/// A value somewhere in the text.
struct Element<'a> {
    pointer: &'a mut String,
    repeated: &'a mut Vec<FieldError>,
}

impl Element<'_> {
    /// The element below this one.
    fn below<'b>(&'b mut self, token: &str) -> Element<'b> {
        self.pointer.push('/');
        self.pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
        Element { pointer: self.pointer, repeated: self.repeated }
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let parent = self.pointer.len();
        let mut found = Vec::new();
        while let Some(item) = items.next_element_seed(self.below(&found.len().to_string()))? {
            self.pointer.truncate(parent);
            found.push(item);
        }
        self.pointer.truncate(parent);
        Ok(found.into())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let parent = self.pointer.len();
        let mut found = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.below(&name))?;
            self.pointer.truncate(parent);
            if found.contains_key(&name) {
                if self.repeated.len() < ERRORS_MAX {
                    self.repeated.push(FieldError::named(self.pointer, &name, "given more than once"));
                }
            } else {
                found.insert(name, value);
            }
        }
        Ok(found.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn repeated(text: &str) -> Vec<String> {
        let (_, repeated) = parse_json(text.as_bytes()).unwrap();
        repeated.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn values_are_those_of_serde_json() {
        for text in [
            "null",
            "true",
            "-1",
            "18446744073709551615",
            "1.5e3",
            "\"\\u00fc\"",
            "[]",
            "{\"a\":[1,{\"b\":null}],\"c\":\"x\"}",
        ] {
            let (value, repeated) = parse_json(text.as_bytes()).unwrap();
            assert_eq!(value, serde_json::from_str::<Value>(text).unwrap(), "{text}");
            assert_eq!(repeated, [], "{text}");
        }
        for text in ["", "{", "{}x", "{\"a\":}", "nul", &"[".repeat(200)] {
            assert!(parse_json(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn every_repeated_member_is_found_at_its_pointer() {
        let text = r#"{"a":1,"b":[{"c":1},{"c":1,"c":2}],"a":{"d":1,"d":2},"b":0}"#;
        assert_eq!(repeated(text), ["/b/1/c", "/a/d", "/a", "/b"]);
        assert_eq!(repeated(r#"{"a":{"x":1},"b":{"x":1}}"#), Vec::<String>::new());
        assert_eq!(parse_json(br#"{"a":1,"a":2}"#).unwrap().0, json!({ "a": 1 }));
    }

    #[test]
    fn names_that_may_be_values_are_not_reported() {
        let (_, repeated) = parse_json(br#"{"4242 4242":1,"4242 4242":1}"#).unwrap();
        assert_eq!(
            (repeated[0].pointer.as_str(), repeated[0].detail.as_str()),
            ("", "a member is given more than once")
        );
    }
}
