//! Parameters that OAuth requests have in common.

use edge::Parameters;

use super::error::OAuthError;

/// The parameter.
///
/// # Errors
/// `invalid_request` if it is empty or missing.
pub(super) fn required<'a>(parameters: &'a Parameters, name: &str) -> Result<&'a str, OAuthError> {
    parameters.get(name).ok_or_else(|| OAuthError::invalid_request(format!("`{name}` is missing.")))
}

/// The requested scopes.
pub(super) fn scopes(parameters: &Parameters) -> Vec<String> {
    parameters.get("scope").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_separated_by_any_number_of_spaces() {
        assert_eq!(scopes(&Parameters::parse(b"scope=%20p++q%20")), ["p", "q"]);
        assert_eq!(scopes(&Parameters::default()), Vec::<String>::new());
        assert_eq!(required(&Parameters::parse(b"a=1&b="), "a"), Ok("1"));
        assert_eq!(required(&Parameters::parse(b"a=1&b="), "b").unwrap_err().error, "invalid_request");
    }
}
