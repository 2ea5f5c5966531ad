//! Signing keys and public keys.

use std::collections::BTreeMap;

use pasetors::footer::Footer;
use pasetors::keys::{AsymmetricKeyPair, AsymmetricPublicKey, AsymmetricSecretKey, Generate};
use pasetors::paserk::{FormatAsPaserk, Id};
use pasetors::token::{Public, UntrustedToken};
use pasetors::version4::{PublicToken, V4};
use protocol::Timestamp;

use crate::{AUDIENCE, Claims, LEEWAY_SECS, Rejected, TOKEN_BYTES_MAX};

/// Implicit assertion of access tokens. Nothing else that a key signs is accepted as an access token.
const PURPOSE: &[u8] = b"access token";

/// Private key that signs access tokens (Ed25519). Its bytes are zeroed on drop.
pub struct SigningKey {
    secret: AsymmetricSecretKey<V4>,
    public: PublicKey,
    footer: Vec<u8>,
}

/// Public key of a [`SigningKey`].
#[derive(Debug, Clone, PartialEq)]
pub struct PublicKey {
    key: AsymmetricPublicKey<V4>,
    id: String,
}

impl SigningKey {
    /// Generates a key.
    pub fn generate() -> Self {
        let pair = AsymmetricKeyPair::<V4>::generate().expect("the operating system has randomness");
        Self::of(pair.secret, pair.public)
    }

    pub(crate) fn from_secret_bytes(bytes: &[u8]) -> Option<Self> {
        let secret = AsymmetricSecretKey::<V4>::from(bytes).ok()?;
        let public = AsymmetricPublicKey::<V4>::try_from(&secret).ok()?;
        Some(Self::of(secret, public))
    }

    pub(crate) fn secret_bytes(&self) -> &[u8] {
        self.secret.as_bytes()
    }

    fn of(secret: AsymmetricSecretKey<V4>, public: AsymmetricPublicKey<V4>) -> Self {
        let mut footer = Footer::new();
        footer.key_id(&Id::from(&public));
        let footer = footer.to_string().expect("a footer of one claim").into_bytes();
        Self { secret, public: PublicKey::of(public), footer }
    }

    /// The public key.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs an access token.
    ///
    /// # Panics
    /// If a timestamp is after the year 9999, which is a programming error.
    pub fn sign(&self, claims: &Claims) -> String {
        let json = serde_json::to_vec(claims).expect("claims are JSON");
        PublicToken::sign(&self.secret, &json, Some(&self.footer), Some(PURPOSE)).expect("a valid key signs")
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.public.id)
    }
}

impl PublicKey {
    fn of(key: AsymmetricPublicKey<V4>) -> Self {
        let mut id = String::new();
        Id::from(&key).fmt(&mut id).expect("text takes text");
        Self { key, id }
    }

    /// Parses `k4.public.…`. `None` for anything else.
    pub fn from_paserk(paserk: &str) -> Option<Self> {
        AsymmetricPublicKey::<V4>::try_from(paserk).ok().map(Self::of)
    }

    /// The key as PASERK: `k4.public.…`.
    pub fn paserk(&self) -> String {
        let mut text = String::new();
        self.key.fmt(&mut text).expect("text takes text");
        text
    }

    /// The key's id as PASERK: `k4.pid.…`.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Trusted keys, by id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PublicKeys {
    keys: BTreeMap<String, PublicKey>,
}

impl FromIterator<PublicKey> for PublicKeys {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self { keys: keys.into_iter().map(|key| (key.id.clone(), key)).collect() }
    }
}

impl PublicKeys {
    /// Parses PASERK keys. Those that are not `k4.public.…` are ignored.
    pub fn from_paserk<T: AsRef<str>>(keys: impl IntoIterator<Item = T>) -> Self {
        keys.into_iter().filter_map(|key| PublicKey::from_paserk(key.as_ref())).collect()
    }

    /// Whether the key with this id is trusted.
    pub fn has(&self, id: &str) -> bool {
        self.keys.contains_key(id)
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Verifies a token: it must be signed by one of these keys and valid for `issuer` at `now`. Returns its claims
    /// and the id of the key. Does not check revocations.
    ///
    /// # Errors
    /// See [`Rejected`].
    pub fn check(&self, token: &str, issuer: &str, now: Timestamp) -> Result<(Claims, &str), Rejected> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Rejected::Malformed);
        }
        let untrusted = UntrustedToken::<Public, V4>::try_from(token).map_err(|_| Rejected::Malformed)?;
        let mut footer = Footer::new();
        footer.parse_bytes(untrusted.untrusted_footer()).map_err(|_| Rejected::Malformed)?;
        let id = footer.get_claim("kid").and_then(|id| id.as_str()).ok_or(Rejected::Malformed)?;
        let key = self.keys.get(id).ok_or(Rejected::UnknownKey)?;
        let trusted = PublicToken::verify(&key.key, &untrusted, None, Some(PURPOSE))
            .map_err(|_| Rejected::BadSignature)?;
        let claims: Claims = serde_json::from_str(trusted.payload()).map_err(|_| Rejected::Malformed)?;
        if claims.issuer != issuer {
            return Err(Rejected::WrongIssuer);
        }
        if claims.audience != AUDIENCE {
            return Err(Rejected::WrongAudience);
        }
        if claims.expires_at <= now {
            return Err(Rejected::Expired);
        }
        if claims.not_before > now.plus_secs(LEEWAY_SECS) || claims.issued_at > now.plus_secs(LEEWAY_SECS) {
            return Err(Rejected::NotYet);
        }
        Ok((claims, &key.id))
    }
}
