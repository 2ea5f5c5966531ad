//! The locale that a browser requests.

/// A supported language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
    French,
    Spanish,
    Italian,
    Dutch,
}

/// A language, and whether the conventions of the United States apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Locale {
    pub language: Language,
    pub american: bool,
}

impl Locale {
    /// British English.
    pub const DEFAULT: Self = Self { language: Language::English, american: false };

    /// The best match for an `Accept-Language` header (RFC 9110 §12.5.4): the supported language with the greatest weight,
    /// and the first one of equal weight.
    pub fn accepted(header: &str) -> Self {
        let mut best = (0, Self::DEFAULT);
        for item in header.split(',').take(32) {
            let mut parts = item.split(';').map(str::trim);
            let Some(locale) = parts.next().and_then(Self::of_tag) else { continue };
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, thousandths);
            if weight > best.0 {
                best = (weight, locale);
            }
        }
        best.1
    }

    fn of_tag(tag: &str) -> Option<Self> {
        let mut parts = tag.split('-');
        let language = match parts.next()?.to_ascii_lowercase().as_str() {
            "en" => Language::English,
            "de" => Language::German,
            "fr" => Language::French,
            "es" => Language::Spanish,
            "it" => Language::Italian,
            "nl" => Language::Dutch,
            _ => return None,
        };
        let american = language == Language::English && parts.any(|part| part.eq_ignore_ascii_case("us"));
        Some(Self { language, american })
    }
}

/// Parses `0.85` as 850. Invalid weights are 0.
fn thousandths(weight: &str) -> u16 {
    weight
        .parse::<f32>()
        .ok()
        .filter(|weight| (0.0..=1.0).contains(weight))
        .map_or(0, |weight| (weight * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_supported_language_with_the_greatest_weight_is_selected() {
        let table = [
            ("", Language::English, false),
            ("de-CH, de;q=0.9, en;q=0.8", Language::German, false),
            ("ja, fr;q=0.5, de;q=0.6", Language::German, false),
            ("en-US,en;q=0.9", Language::English, true),
            ("en-GB", Language::English, false),
            ("xx;q=1, it;q=0.1", Language::Italian, false),
            ("nl;q=nonsense, es;q=0.3", Language::Spanish, false),
            ("*;q=0.5", Language::English, false),
            (";;;,,,q=1", Language::English, false),
        ];
        for (header, language, american) in table {
            assert_eq!(Locale::accepted(header), Locale { language, american }, "{header}");
        }
    }
}
