//! The cluster key: a secret of 32 bytes outside every store and backup, from which all other keys are derived.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use pasetors::keys::{Generate, SymmetricKey};
use pasetors::version4::V4;
use protocol::Timestamp;
use zeroize::Zeroizing;

use crate::{LinkKey, Rejected, Seal, SealError, SigningKey};

/// Validity of a node credential, in seconds.
pub const NODE_CREDENTIAL_SECS: i64 = 60;

/// Root of all derived keys. Cheap to clone. Its bytes are never printed.
#[derive(Clone)]
pub struct ClusterKey {
    bytes: Arc<Zeroizing<[u8; 32]>>,
}

/// Why the cluster key cannot be loaded or created.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("cannot read or write the cluster key {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file does not contain exactly 32 bytes.
    #[error("{0} is not a cluster key: it must contain exactly 32 bytes")]
    Length(PathBuf),
    /// The file is accessible to other users.
    #[error(
        "the cluster key {0} is accessible to other users: chmod 600 it, and replace it if it may have leaked"
    )]
    Exposed(PathBuf),
}

impl ClusterKey {
    /// Generates a key in memory: for tests, and for writing a key file.
    pub fn random() -> Self {
        let key = SymmetricKey::<V4>::generate().expect("the operating system has randomness");
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(key.as_bytes());
        Self { bytes: Arc::new(bytes) }
    }

    /// Loads the key from the file at `path`, and creates the file (mode 0600, synced, atomically) if it does not
    /// exist. If two processes do so at the same time, both get the same key.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn load_or_create(path: &Path) -> Result<Self, KeyFileError> {
        match Self::load(path) {
            Err(KeyFileError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                Self::random()
                    .write(path)
                    .map_err(|source| KeyFileError::Io { path: path.into(), source })?;
                Self::load(path)
            }
            loaded => loaded,
        }
    }

    /// Loads the key from the file at `path`.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let failed = |source| KeyFileError::Io { path: path.into(), source };
        let file = File::open(path).map_err(failed)?;
        if is_exposed(&file).map_err(failed)? {
            return Err(KeyFileError::Exposed(path.into()));
        }
        let mut read = Zeroizing::new(Vec::with_capacity(33));
        file.take(33).read_to_end(&mut read).map_err(failed)?;
        let bytes: [u8; 32] = read.as_slice().try_into().map_err(|_| KeyFileError::Length(path.into()))?;
        Ok(Self { bytes: Arc::new(Zeroizing::new(bytes)) })
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let directory =
            path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let draft = directory.join(format!(".cluster-key-{:032x}", rand::random::<u128>()));
        let written = (|| {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&draft)?;
            file.write_all(self.bytes.as_slice())?;
            file.sync_all()?;
            // `hard_link`, unlike `rename`, never replaces a key that another process has just created.
            match fs::hard_link(&draft, path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                linked => linked,
            }
        })();
        // The draft contains the key, so it is removed in any case.
        let removed = fs::remove_file(&draft);
        written?;
        removed?;
        File::open(directory)?.sync_all()
    }

    /// A short public name of the key, to compare keys without showing them: 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.derive("fingerprint", "")[..8])
    }

    /// Derives the seal for a purpose.
    pub fn seal(&self, purpose: &str) -> Seal {
        Seal::new(self.symmetric("seal", purpose), purpose)
    }

    /// Derives the key for one kind of link.
    pub fn links(&self, purpose: &str) -> LinkKey {
        LinkKey::new(self.derive("links", purpose), purpose)
    }

    /// Derives 32 bytes for a purpose that the other methods do not cover, such as encrypting a backup.
    pub fn derive_bytes(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        self.derive("bytes", purpose)
    }

    /// Encrypts secret bytes that are stored in a replicated store. The result is bound to `purpose`.
    pub fn wrap(&self, purpose: &str, secret: &[u8]) -> String {
        let text = Zeroizing::new(BASE64URL_NOPAD.encode(secret));
        Seal::new(self.symmetric("wrap", purpose), &format!("wrap:{purpose}")).seal(text.as_str(), None)
    }

    /// Decrypts what [`ClusterKey::wrap`] encrypted for the same purpose. `None` for anything else.
    pub fn unwrap(&self, purpose: &str, wrapped: &str) -> Option<Zeroizing<Vec<u8>>> {
        let seal = Seal::new(self.symmetric("wrap", purpose), &format!("wrap:{purpose}"));
        let text: Zeroizing<String> = Zeroizing::new(seal.open(wrapped, Timestamp(0)).ok()?);
        BASE64URL_NOPAD.decode(text.as_bytes()).ok().map(Zeroizing::new)
    }

    /// Encrypts a signing key for a replicated store.
    pub fn wrap_signing_key(&self, key: &SigningKey) -> String {
        self.wrap("signing key", key.secret_bytes())
    }

    /// Decrypts what [`ClusterKey::wrap_signing_key`] encrypted. `None` for anything else.
    pub fn unwrap_signing_key(&self, wrapped: &str) -> Option<SigningKey> {
        SigningKey::from_secret_bytes(&self.unwrap("signing key", wrapped)?)
    }

    /// Creates the credential of a node that has no other token: a bearer token, valid for [`NODE_CREDENTIAL_SECS`].
    /// A [`Verifier`](crate::Verifier) of the same cluster accepts it as the service `node`.
    pub fn node_credential(&self, node: &str, now: Timestamp) -> String {
        self.seal("node").seal(node, Some(now.plus_secs(NODE_CREDENTIAL_SECS)))
    }

    /// Verifies a node credential and returns the name of the node.
    ///
    /// # Errors
    /// [`Rejected::Expired`], or [`Rejected::BadSignature`] for anything that is not a node credential of this
    /// cluster.
    pub fn check_node_credential(&self, credential: &str, now: Timestamp) -> Result<String, Rejected> {
        match self.seal("node").open(credential, now) {
            Ok(node) => Ok(node),
            Err(SealError::Expired::<String>(_)) => Err(Rejected::Expired),
            Err(SealError::Invalid) => Err(Rejected::BadSignature),
        }
    }

    fn symmetric(&self, kind: &str, purpose: &str) -> SymmetricKey<V4> {
        SymmetricKey::from(self.derive(kind, purpose).as_slice()).expect("32 bytes are a key")
    }

    fn derive(&self, kind: &str, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_derive_key("auberge 2026-11-23 keys of a cluster v1");
        hasher.update(self.bytes.as_slice());
        for part in [kind, purpose] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Zeroizing::new(*hasher.finalize().as_bytes())
    }
}

#[cfg(unix)]
fn is_exposed(file: &File) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_: &File) -> std::io::Result<bool> {
    Ok(false)
}

impl std::fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClusterKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_file_is_created_once_and_readable_by_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cluster.key");
        let created = ClusterKey::load_or_create(&path).unwrap();
        let found = ClusterKey::load_or_create(&path).unwrap();
        assert_eq!(created.bytes, found.bytes);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "the draft is removed");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(ClusterKey::load(&path), Err(KeyFileError::Exposed(_))));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        for damaged in [&[1u8; 31][..], &[1; 33], &[]] {
            fs::write(&path, damaged).unwrap();
            assert!(matches!(ClusterKey::load_or_create(&path), Err(KeyFileError::Length(_))));
        }
        assert!(matches!(ClusterKey::load(&directory.path().join("none")), Err(KeyFileError::Io { .. })));
        assert!(matches!(
            ClusterKey::load_or_create(&directory.path().join("no/directory")),
            Err(KeyFileError::Io { .. })
        ));
    }

    #[test]
    fn concurrent_creators_all_get_the_same_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cluster.key");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let racing: Vec<_> =
                (0..8).map(|_| scope.spawn(|| ClusterKey::load_or_create(&path).unwrap())).collect();
            racing.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| key.bytes == keys[0].bytes));
    }

    #[test]
    fn wrapped_bytes_unwrap_only_for_the_same_purpose_and_cluster() {
        let (cluster, other) = (ClusterKey::random(), ClusterKey::random());
        let wrapped = cluster.wrap("totp", b"\x00secret\xff");
        assert_eq!(cluster.unwrap("totp", &wrapped).unwrap().as_slice(), b"\x00secret\xff");
        assert!(cluster.unwrap("signing key", &wrapped).is_none());
        assert!(other.unwrap("totp", &wrapped).is_none());
        assert!(
            cluster.unwrap("totp", &cluster.seal("totp").seal("AAAA", None)).is_none(),
            "a sealed value is not a wrapped secret"
        );
        let key = SigningKey::generate();
        let back = cluster.unwrap_signing_key(&cluster.wrap_signing_key(&key)).unwrap();
        assert_eq!(back.public(), key.public());
        assert!(cluster.unwrap_signing_key(&cluster.wrap("signing key", &[7; 64])).is_none());
    }

    #[test]
    fn each_kind_and_purpose_has_its_own_key() {
        let cluster = ClusterKey::random();
        let keys =
            [("seal", "a"), ("seal", "b"), ("links", "a"), ("wrap", "a"), ("bytes", "a"), ("sea", "la")];
        let keys: std::collections::BTreeSet<_> =
            keys.map(|(kind, purpose)| *cluster.derive(kind, purpose)).into();
        assert_eq!(keys.len(), 6);
        assert_ne!(*cluster.derive_bytes("backup"), **cluster.bytes);
        assert_eq!(format!("{cluster:?}"), "ClusterKey");
    }

    #[test]
    fn a_node_credential_is_valid_for_a_minute() {
        let cluster = ClusterKey::random();
        let now = Timestamp(1_000_000);
        let credential = cluster.node_credential("n1", now);
        let check = |credential: &str, secs| cluster.check_node_credential(credential, now.plus_secs(secs));
        assert_eq!(check(&credential, 59), Ok("n1".into()));
        assert_eq!(check(&credential, 60), Err(Rejected::Expired));
        assert_eq!(check(&cluster.seal("offers").seal("n1", None), 0), Err(Rejected::BadSignature));
        assert_eq!(check(&ClusterKey::random().node_credential("n1", now), 0), Err(Rejected::BadSignature));
    }
}
