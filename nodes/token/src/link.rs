//! Tags that authenticate links in mails. They are derived from the parts of a link, so no secret is stored or
//! logged.

use std::sync::Arc;

use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

/// Length of a tag: 160 bits, 32 characters.
const TAG_BYTES: usize = 20;

/// A MAC key for one kind of link. Cheap to clone.
#[derive(Clone)]
pub struct LinkKey {
    key: Arc<Zeroizing<[u8; 32]>>,
    purpose: Arc<str>,
}

impl LinkKey {
    pub(crate) fn new(key: Zeroizing<[u8; 32]>, purpose: &str) -> Self {
        Self { key: Arc::new(key), purpose: purpose.into() }
    }

    /// The tag of these parts: 32 characters of `a-z2-7`, deterministic. To let a link expire, include its expiry in
    /// the parts and check the expiry too.
    pub fn tag(&self, parts: &[&str]) -> String {
        let mut mac = blake3::Hasher::new_keyed(&self.key);
        for part in parts {
            // Lengths are included, so that `ab, c` and `a, bc` have different tags.
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        let mut tag = BASE32_NOPAD.encode(&mac.finalize().as_bytes()[..TAG_BYTES]);
        tag.make_ascii_lowercase();
        tag
    }

    /// Whether `tag` is the tag of these parts, compared in constant time.
    pub fn verify(&self, parts: &[&str], tag: &str) -> bool {
        // Comparison of blake3 hashes takes constant time.
        blake3::hash(self.tag(parts).as_bytes()) == blake3::hash(tag.as_bytes())
    }
}

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LinkKey({})", self.purpose)
    }
}

#[cfg(test)]
mod tests {
    use crate::ClusterKey;

    #[test]
    fn a_tag_verifies_only_for_the_same_parts_and_purpose() {
        let cluster = ClusterKey::random();
        let links = cluster.links("booking-link");
        let tag = links.tag(&["rsv_1", "abc"]);
        assert_eq!(tag.len(), 32);
        assert!(tag.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7')));
        assert_eq!(tag, links.tag(&["rsv_1", "abc"]));
        assert!(links.verify(&["rsv_1", "abc"], &tag));
        for parts in [&["rsv_1a", "bc"][..], &["rsv_1", "abc", ""], &["rsv_1"], &[], &["abc", "rsv_1"]] {
            assert!(!links.verify(parts, &tag), "{parts:?}");
        }
        for wrong in ["", &tag[1..], &tag.to_uppercase(), &format!("{tag}a")] {
            assert!(!links.verify(&["rsv_1", "abc"], wrong), "{wrong}");
        }
        assert!(!cluster.links("reset-link").verify(&["rsv_1", "abc"], &tag));
        assert!(!ClusterKey::random().links("booking-link").verify(&["rsv_1", "abc"], &tag));
    }
}
