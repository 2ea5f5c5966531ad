//! Message-IDs (RFC 5322 §3.6.4).

use crate::address::Address;

/// Creates the Message-ID `NAME@DOMAIN`, with the domain of `from`. `name` identifies the mail
/// (`rsv_….confirmation`), so every attempt to send it has the same id.
pub fn message_id(name: &str, from: &Address) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '.' };
    let name: String = name.chars().map(plain).collect();
    let domain = from.email.rsplit_once('@').map_or("", |(_, domain)| domain);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    // A domain that is not ASCII is replaced: the id only has to be unique for this sender.
    let domain = if !domain.is_empty() && domain.bytes().all(plain) { domain } else { "localhost" };
    format!("{}@{domain}", name.trim_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_have_a_fixed_alphabet() {
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
