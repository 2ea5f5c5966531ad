//! The server that a command acts on, and the credentials it acts with: `AUBERGE_TOKEN`, the sign-in that `auberge login`
//! has stored, or the administrator's file.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;

use super::api_client::{ApiClient, TIMEOUT};
use super::sign_in::{self, SignInStore, StoredSignIn, Token};
use crate::files::write_private;
use crate::server::trust::AdminFile;

/// The administrator's file by default.
const DEFAULT_FILE: &str = "./auberge-data/admin.json";

/// The server and the credentials, from the command line.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// The administrator's file, from the data directory of the server [default: ./auberge-data/admin.json].
    #[arg(long, value_name = "FILE", global = true)]
    admin: Option<PathBuf>,
    /// The server's address [default: the one in the file].
    #[arg(long, value_name = "URL", global = true)]
    url: Option<String>,
    /// Use the file only: no token of the environment, and no stored sign-in.
    #[arg(skip)]
    only_file: bool,
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
}

impl Target {
    /// Signs in with the first that exists: `AUBERGE_TOKEN`, the stored sign-in at this server, or the administrator's file.
    ///
    /// # Errors
    /// When none exists, or the server refuses.
    pub async fn sign_in(&self) -> anyhow::Result<ApiClient> {
        self.authenticate(None).await
    }

    /// Signs in again, after the server has rejected the token.
    ///
    /// # Errors
    /// As [`Target::sign_in`].
    pub async fn sign_in_again(&self, rejected: &ApiClient) -> anyhow::Result<ApiClient> {
        self.authenticate(Some(&rejected.token)).await
    }

    async fn authenticate(&self, rejected: Option<&str>) -> anyhow::Result<ApiClient> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        let given = self.given();
        let token = std::env::var("AUBERGE_TOKEN").ok().filter(|_| !self.only_file);
        if let Some(token) = token {
            let url = given.context("AUBERGE_TOKEN needs --url or AUBERGE_URL")?;
            return Ok(ApiClient { http, url, token });
        }
        let mut ended = None;
        if let Some((store, sign_in)) = self.stored_sign_in(given.as_deref())? {
            let url = sign_in.url.clone();
            match sign_in::fresh(&http, &store, sign_in, rejected).await? {
                Token::Valid(token) => return Ok(ApiClient { http, url, token }),
                Token::Ended => ended = Some(url),
            }
        }
        let file = self.admin.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
        let ended_at =
            |url: &str| format!("the sign-in at {url} has ended: sign in with `auberge login --url {url}`");
        let administrator = match (read(&file), &ended) {
            (Ok(administrator), _) => administrator,
            (Err(_), Some(url)) => bail!("{}", ended_at(url)),
            (Err(why), None) => return Err(why),
        };
        let own = trimmed(&administrator.url);
        let url = given.unwrap_or_else(|| own.clone());
        if let Some(ended) = ended {
            // A command that was meant for one server must not act on another.
            if self.admin.is_none() && ended != own {
                bail!("{}", ended_at(&ended));
            }
            eprintln!("the sign-in at {ended} has ended: using {}", file.display());
        }
        // The secret is sent to the server in the file, and to another only if the file was named with --admin.
        if url != own && self.admin.is_none() {
            bail!(
                "{} is for another server than {url}: sign in there with `auberge login --url {url}`, or name the file \
                 with --admin",
                file.display()
            );
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &administrator.client_id),
            ("client_secret", &administrator.client_secret),
        ];
        let response = http.post(format!("{url}/oauth/token")).form(&form).send().await;
        let response = response.with_context(|| format!("no response from {url}: is the server running?"))?;
        if !response.status().is_success() {
            bail!("{url} rejects {}: {}", file.display(), response.status());
        }
        let issued: Issued = response.json().await.context("reading the token")?;
        Ok(ApiClient { http, url, token: issued.access_token })
    }

    /// Stores a new secret in the administrator's file, if the file is the one of this client. Returns its path.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn update_secret(&self, client_id: &str, secret: &str) -> anyhow::Result<Option<PathBuf>> {
        let file = self.admin.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
        let Ok(administrator) = read(&file) else { return Ok(None) };
        if administrator.client_id != client_id {
            return Ok(None);
        }
        let administrator = AdminFile { client_secret: secret.to_owned(), ..administrator };
        write_private(&file, &serde_json::to_vec_pretty(&administrator)?)
            .with_context(|| format!("the new secret is {secret}; store it yourself"))?;
        Ok(Some(file))
    }

    /// The server's address from the command line or the environment.
    fn given(&self) -> Option<String> {
        let given = self.url.clone().or_else(|| std::env::var("AUBERGE_URL").ok());
        given.map(|url| trimmed(&url))
    }

    /// The stored sign-in at the server. Without an address it is the only one that is stored.
    ///
    /// # Errors
    /// When there are several and no address, or they cannot be read.
    fn stored_sign_in(&self, given: Option<&str>) -> anyhow::Result<Option<(SignInStore, StoredSignIn)>> {
        // Without a home directory no sign-in is stored.
        let Some(store) = SignInStore::of_user().ok().filter(|_| !self.only_file) else { return Ok(None) };
        let named = self.admin.as_deref().and_then(url_of);
        let sign_in = match (given.map(str::to_owned).or(named), default_url()) {
            (Some(url), _) => store.get(&url)?,
            (None, _) if self.admin.is_some() => None,
            (None, default) => {
                let mut all = store.all()?;
                let here = all.iter().position(|stored| Some(&stored.url) == default.as_ref());
                match (here, all.len(), default) {
                    (Some(here), ..) => Some(all.swap_remove(here)),
                    (None, 0, _) => None,
                    (None, 1, default) => {
                        if default.is_some() {
                            eprintln!("using the sign-in at {}, not {DEFAULT_FILE}", all[0].url);
                        }
                        all.pop()
                    }
                    (None, ..) => bail!(
                        "you are signed in at {}: select one with --url",
                        all.iter().map(|stored| stored.url.as_str()).collect::<Vec<_>>().join(" and ")
                    ),
                }
            }
        };
        Ok(sign_in.map(|sign_in| (store, sign_in)))
    }

    /// The server and the credentials of an administrator's file.
    pub fn of(admin: PathBuf) -> Self {
        Self { admin: Some(admin), url: None, only_file: true }
    }

    /// From the values of `--admin` and `--url`.
    pub fn at(admin: Option<PathBuf>, url: Option<String>) -> Self {
        Self { admin, url, only_file: false }
    }

    /// The value of `--url`, for commands that need no sign-in.
    pub fn address(&self) -> Option<String> {
        self.url.clone().map(|url| trimmed(&url))
    }
}

/// The server of `./auberge-data/admin.json`, if the file exists.
pub fn default_url() -> Option<String> {
    url_of(Path::new(DEFAULT_FILE))
}

fn url_of(file: &Path) -> Option<String> {
    read(file).ok().map(|administrator| trimmed(&administrator.url))
}

fn read(file: &Path) -> anyhow::Result<AdminFile> {
    let text = std::fs::read(file).with_context(|| {
        format!(
            "reading {} (sign in with `auberge login`, name the administrator's file with --admin, or set AUBERGE_TOKEN)",
            file.display()
        )
    })?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is not an administrator's file", file.display()))
}

/// A URL without the slash at its end.
pub fn trimmed(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// Whether a URL is plain HTTP to another machine.
pub fn is_plain_http_off_loopback(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let host =
        reqwest::Url::parse(&format!("http://{rest}")).ok().and_then(|url| url.host_str().map(str::to_owned));
    let host = host.unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host != "localhost" && !address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_to_another_machine_is_detected() {
        for (url, plain) in [
            ("https://inn.example", false),
            ("http://127.0.0.1:8080", false),
            ("http://[::1]:8080/", false),
            ("http://localhost", false),
            ("http://inn.example", true),
            ("http://10.0.0.1:8080", true),
            ("http://127.0.0.1.evil.example", true),
        ] {
            assert_eq!(is_plain_http_off_loopback(url), plain, "{url}");
        }
    }
}
