//! The languages that a client prefers.

/// The most languages that are considered.
const LANGUAGES_MAX: usize = 4;

/// The languages of an `Accept-Language` header (RFC 9110 §12.5.4), the preferred one first: primary subtags, such as `de` for
/// `de-AT`. Anything that is no language is ignored.
pub fn accepted_languages(header: &str) -> Vec<String> {
    let mut weighted: Vec<(u16, String)> = header
        .split(',')
        .take(20)
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next()?.split('-').next()?.to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            let is_language =
                (2..=3).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_lowercase());
            // Two written forms of one language.
            let tag = if tag == "nb" || tag == "nn" { "no".to_owned() } else { tag };
            (is_language && weight > 0.0).then(|| ((weight.min(1.0) * 1_000.0) as u16, tag))
        })
        .collect();
    weighted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let mut languages: Vec<String> = Vec::new();
    for (_, language) in weighted {
        if !languages.contains(&language) && languages.len() < LANGUAGES_MAX {
            languages.push(language);
        }
    }
    languages
}

#[cfg(test)]
mod tests {
    use super::accepted_languages;

    #[test]
    fn languages_are_sorted_by_weight() {
        let table: [(&str, &[&str]); 6] = [
            ("de-AT,de;q=0.9,en;q=0.5", &["de", "en"]),
            ("en;q=0.5, it", &["it", "en"]),
            ("nb-NO, nn;q=0.4", &["no"]),
            ("*", &[]),
            ("fr;q=0, x-klingon, 12, äö", &[]),
            ("a,b,c,da,de,en,es,et,fi", &["da", "de", "en", "es"]),
        ];
        for (header, languages) in table {
            assert_eq!(accepted_languages(header), languages, "{header}");
        }
    }
}
