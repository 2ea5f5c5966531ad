//! Stored sign-ins: `$XDG_CONFIG_HOME/auberge/sign-ins/ADDRESS.json` (else `~/.config/…`), one file for each server.
//!
//! ```text
//! {"format": 1, "url": "https://inn.example", "access_token": "v4.public.…", "expires_at": 1767225600,
//!  "refresh_token": "…", "scope": "cluster:manage cluster:read …"}
//! ```
//!
//! Files have mode 0600 and their folder 0700. Files are written atomically.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use protocol::Timestamp;
use serde::{Deserialize, Serialize};

use crate::files::write_private;

const FORMAT: u16 = 1;
/// An access token that expires within this time is refreshed, in seconds: clocks differ, and requests take time.
const MARGIN_SECS: i64 = 30;

/// A sign-in. Its `Debug` form has no tokens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSignIn {
    /// The version of this format.
    pub format: u16,
    /// The server, which is the only one that the tokens are sent to.
    pub url: String,
    pub access_token: String,
    /// When the access token expires, in seconds since 1970 by this machine's clock.
    pub expires_at: i64,
    /// Can be used once, for the next pair of tokens.
    pub refresh_token: Option<String>,
    /// The granted scopes, separated by spaces.
    pub scope: String,
}

impl std::fmt::Debug for StoredSignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredSignIn({}, {})", self.url, self.scope)
    }
}

impl StoredSignIn {
    /// A sign-in whose access token expires in `expires_in` seconds.
    pub fn new(
        url: &str,
        access_token: String,
        expires_in: i64,
        refresh_token: Option<String>,
        scope: &str,
    ) -> Self {
        let expires_at = now_secs().saturating_add(expires_in);
        let (url, scope) = (url.to_owned(), scope.to_owned());
        Self { format: FORMAT, url, access_token, expires_at, refresh_token, scope }
    }

    /// Whether the access token is valid for the next request.
    pub fn is_fresh(&self) -> bool {
        self.expires_at - MARGIN_SECS > now_secs()
    }
}

fn now_secs() -> i64 {
    Timestamp::wall_clock().0 / 1000
}

/// The folder of the stored sign-ins.
#[derive(Debug, Clone)]
pub struct SignInStore {
    dir: PathBuf,
}

impl SignInStore {
    /// The store of the current user.
    ///
    /// # Errors
    /// When neither `XDG_CONFIG_HOME` nor `HOME` is set.
    pub fn of_user() -> anyhow::Result<Self> {
        let absolute =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let config =
            absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
        let config = config.context("sign-ins cannot be stored: neither XDG_CONFIG_HOME nor HOME is set")?;
        Ok(Self { dir: config.join("auberge").join("sign-ins") })
    }

    /// Stores a sign-in, and replaces an earlier one at the same server.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, sign_in: &StoredSignIn) -> anyhow::Result<()> {
        let created = DirBuilder::new().recursive(true).mode(0o700).create(&self.dir);
        created.with_context(|| format!("creating {}", self.dir.display()))?;
        write_private(&self.file(&sign_in.url), &serde_json::to_vec_pretty(sign_in)?)
    }

    /// The sign-in at the server `url`, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn get(&self, url: &str) -> anyhow::Result<Option<StoredSignIn>> {
        let file = self.file(url);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("reading {}", file.display())),
        };
        read(&file, &text).map(|sign_in| (sign_in.url == url).then_some(sign_in))
    }

    /// All sign-ins, ordered by server.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn all(&self) -> anyhow::Result<Vec<StoredSignIn>> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("reading {}", self.dir.display())),
        };
        let mut all = Vec::new();
        for entry in entries {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "json") {
                let text = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
                all.push(read(&file, &text)?);
            }
        }
        all.sort_by(|one, other| one.url.cmp(&other.url));
        Ok(all)
    }

    /// Removes the sign-in at the server `url`.
    ///
    /// # Errors
    /// When its file cannot be removed.
    pub fn remove(&self, url: &str) -> anyhow::Result<()> {
        let file = self.file(url);
        let _ = fs::remove_file(file.with_extension("lock"));
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", file.display()))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Locks the sign-in at the server `url` against other processes, until the returned file is dropped. Blocks.
    ///
    /// # Errors
    /// When the lock file cannot be created.
    pub fn lock(&self, url: &str) -> io::Result<File> {
        let lock = File::create(self.file(url).with_extension("lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    /// The file of a server. Bytes that file names must not have are escaped, so that each server has its own file.
    fn file(&self, url: &str) -> PathBuf {
        let mut name = String::new();
        for byte in url.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => name.push(char::from(byte)),
                b'.' if !name.is_empty() => name.push('.'),
                other => name.push_str(&format!("_{other:02x}")),
            }
        }
        self.dir.join(format!("{name}.json"))
    }
}

fn read(file: &Path, text: &[u8]) -> anyhow::Result<StoredSignIn> {
    let sign_in: StoredSignIn = serde_json::from_slice(text)
        .with_context(|| format!("{} is damaged: remove it, and sign in again", file.display()))?;
    if sign_in.format != FORMAT {
        bail!(
            "{} was written by another version of this program: remove it, and sign in again",
            file.display()
        );
    }
    Ok(sign_in)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn sign_in(url: &str, expires_in: i64) -> StoredSignIn {
        StoredSignIn::new(url, "v4.public.x".to_owned(), expires_in, Some("r".to_owned()), "cluster:read")
    }

    #[test]
    fn each_server_has_its_own_sign_in() {
        let dir = tempfile::tempdir().unwrap();
        let store = SignInStore { dir: dir.path().join("auberge/sign-ins") };
        assert_eq!(store.all().unwrap(), []);
        let urls = [
            "http://127.0.0.1:8080",
            "https://inn.example",
            "https://inn.example/a.b",
            "https://inn.example/a_b",
        ];
        for url in urls {
            assert_eq!(store.get(url).unwrap(), None);
            store.put(&sign_in(url, 600)).unwrap();
        }
        assert_eq!(store.all().unwrap().iter().map(|sign_in| sign_in.url.as_str()).collect::<Vec<_>>(), urls);
        for entry in fs::read_dir(&store.dir).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(fs::metadata(&store.dir).unwrap().permissions().mode() & 0o777, 0o700);
        drop(store.lock(urls[0]).unwrap());
        store.remove(urls[0]).unwrap();
        store.remove(urls[0]).unwrap();
        assert_eq!(store.get(urls[0]).unwrap(), None);
        assert_eq!(store.all().unwrap().len(), 3);
        assert!(!format!("{:?}", store.all().unwrap()).contains("v4.public"), "tokens are not printed");
    }

    #[test]
    fn a_token_is_refreshed_shortly_before_it_expires() {
        assert!(sign_in("http://a", 600).is_fresh());
        assert!(!sign_in("http://a", MARGIN_SECS).is_fresh());
        assert!(!sign_in("http://a", i64::MIN / 2).is_fresh());
    }
}
