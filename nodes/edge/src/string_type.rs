//! OpenAPI types for newtypes that are JSON strings.

/// Implements the traits of poem-openapi for a `FromStr + Display` type: parsing from JSON and parameters, writing, and
/// documentation. Errors must not contain the input.
#[macro_export]
#[doc(hidden)]
macro_rules! __string_type {
    ($type:ty, $name:literal, $schema:expr) => {
        impl ::poem_openapi::types::Type for $type {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;
            fn name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed($name)
            }
            fn schema_ref() -> ::poem_openapi::registry::MetaSchemaRef {
                ::poem_openapi::registry::MetaSchemaRef::Inline(::std::boxed::Box::new($schema))
            }
            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
            fn raw_element_iter<'a>(&'a self) -> ::std::boxed::Box<dyn Iterator<Item = &'a Self> + 'a> {
                ::std::boxed::Box::new(::std::iter::once(self))
            }
        }
        impl ::poem_openapi::types::ParseFromJSON for $type {
            fn parse_from_json(
                value: Option<::serde_json::Value>,
            ) -> ::poem_openapi::types::ParseResult<Self> {
                use ::poem_openapi::types::ParseError;
                match value {
                    Some(::serde_json::Value::String(text)) => {
                        text.parse::<Self>().map_err(ParseError::custom)
                    }
                    Some(_) => Err(ParseError::custom("must be a string")),
                    None => Err(ParseError::expected_input()),
                }
            }
        }
        impl ::poem_openapi::types::ParseFromParameter for $type {
            fn parse_from_parameter(value: &str) -> ::poem_openapi::types::ParseResult<Self> {
                value.parse::<Self>().map_err(::poem_openapi::types::ParseError::custom)
            }
        }
        impl ::poem_openapi::types::ToJSON for $type {
            fn to_json(&self) -> Option<::serde_json::Value> {
                Some(::serde_json::Value::String(self.to_string()))
            }
        }
        impl ::serde::Serialize for $type {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> ::serde::Deserialize<'de> for $type {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <::std::borrow::Cow<'de, str> as ::serde::Deserialize>::deserialize(deserializer)?;
                text.parse::<Self>().map_err(::serde::de::Error::custom)
            }
        }
    };
}
