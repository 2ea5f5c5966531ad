//! Message-IDs (RFC 5322 §3.6.4).

use crate::address::Address;

/// `name@domain of from`: for a mail that has a name of its own (`rsv_….confirmation`), so that each attempt to send it
/// bears the same id.
pub fn message_id(name: &str, from: &Address) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '.' };
    let name: String = name.chars().map(plain).collect();
    let domain = from.email.rsplit_once('@').map_or("", |(_, domain)| domain);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    // A domain outside ASCII is left to its server; an id only has to be ours and one of its kind.
    let domain = if !domain.is_empty() && domain.bytes().all(plain) { domain } else { "localhost" };
    format!("{}@{domain}", name.trim_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_ids() {
        let from = Address::new("Inn", "desk@inn.example").unwrap();
        for (name, id) in [
            ("rsv_1.x", "rsv_1.x@inn.example"),
            ("1/users/0:7", "1.users.0.7@inn.example"),
            ("a\r\nb", "a..b@inn.example"),
        ] {
            assert_eq!(message_id(name, &from), id);
        }
    }
}
