//! Form bodies with bracket notation: `metadata[payment]=…&expand[]=…`.

use std::collections::BTreeMap;

/// The longest value of a parameter, in bytes.
const VALUE_BYTES_MAX: usize = 5000;

/// A request's parameters, by their names as written: `card[number]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form {
    pairs: Vec<(String, String)>,
}

impl Form {
    /// Parses `application/x-www-form-urlencoded`; `None` if it is malformed.
    pub fn read(text: &str) -> Option<Self> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            (value.len() <= VALUE_BYTES_MAX).then_some((name, value))
        });
        Some(Self { pairs: pairs.collect::<Option<_>>()? })
    }

    /// The value of `name`; `None` if it is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().rev().find(|(have, _)| have == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A number of minor units.
    pub fn integer(&self, name: &str) -> Option<Result<i64, ()>> {
        self.get(name).map(|value| value.parse().map_err(|_| ()))
    }

    /// `name[KEY]=VALUE`, for each key.
    pub fn map(&self, name: &str) -> BTreeMap<String, String> {
        let entries = self.pairs.iter().filter_map(|(have, value)| {
            let key = have.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
            (!key.is_empty()).then(|| (key.to_owned(), value.clone()))
        });
        entries.collect()
    }

    /// Whether `name[]` (or `name[0]`, …) names `value`.
    pub fn lists(&self, name: &str, value: &str) -> bool {
        self.pairs.iter().any(|(have, is)| {
            let index = have
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('['))
                .and_then(|rest| rest.strip_suffix(']'));
            is == value && index.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
        })
    }

    /// The same request has the same digest, whatever the order of its parameters.
    pub fn canonical(&self) -> String {
        let mut pairs = self.pairs.clone();
        pairs.sort();
        format!("{pairs:?}")
    }
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_name_maps_and_lists() {
        let form = Form::read(
            "amount=100&metadata%5Bpayment%5D=pay_1&metadata[a]=b+c&expand[]=x&expand[1]=y&empty=",
        );
        let form = form.expect("a form");
        assert_eq!(form.integer("amount"), Some(Ok(100)));
        assert_eq!(form.integer("metadata[a]"), Some(Err(())));
        assert_eq!(
            form.map("metadata").into_iter().collect::<Vec<_>>(),
            [("a".to_owned(), "b c".to_owned()), ("payment".to_owned(), "pay_1".to_owned()),]
        );
        assert!(form.lists("expand", "x") && form.lists("expand", "y") && !form.lists("expand", "z"));
        assert_eq!(form.get("empty"), None);
        for garbage in ["a=%", "a=%zz", "a=%ff"] {
            assert_eq!(Form::read(garbage), None);
        }
    }
}
