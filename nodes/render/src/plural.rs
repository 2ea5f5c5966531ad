//! Formats a number with its noun.

/// `1 night`, `3 nights`. Without `many`, the plural is `one` with an `s`.
pub fn plural(count: i64, one: &str, many: Option<&str>) -> String {
    match (count, many) {
        (1, _) => format!("1 {one}"),
        (_, Some(many)) => format!("{count} {many}"),
        (_, None) => format!("{count} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::plural;

    #[test]
    fn one_and_many() {
        assert_eq!(plural(1, "night", None), "1 night");
        assert_eq!(plural(0, "night", None), "0 nights");
        assert_eq!(plural(2, "child", Some("children")), "2 children");
    }
}
