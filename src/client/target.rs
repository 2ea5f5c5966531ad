//! How operator verbs reach a running server: where it is, and as whom they act: by `AUBERGE_TOKEN`, by the sign-in that
//! `auberge login` keeps, or by an administrator's file.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;

use super::api_client::{ApiClient, TIMEOUT};
use super::sign_in::{self, Store, StoredSignIn, Token};
use crate::server::trust::AdminFile;

/// Where `admin.json` is looked for when nothing is said.
const USUAL: &str = "./auberge-data/admin.json";

/// Which server, and as whom.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// The administrator's file, from the data directory of the server [default: ./auberge-data/admin.json].
    #[arg(long, value_name = "FILE", global = true)]
    admin: Option<PathBuf>,
    /// The server's address, if it is not the one in the file.
    #[arg(long, value_name = "URL", global = true)]
    url: Option<String>,
    /// The file alone counts: no token of the environment, and no sign-in.
    #[arg(skip)]
    only_file: bool,
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
}

impl Target {
    /// Signs in: with `AUBERGE_TOKEN`, else with what `auberge login` keeps for this server, else with the
    /// administrator's file.
    ///
    /// # Errors
    /// When there is none of them, or the server refuses.
    pub async fn sign_in(&self) -> anyhow::Result<ApiClient> {
        self.act(None).await
    }

    /// Signs in once more, when the server does not take the token any more.
    ///
    /// # Errors
    /// As [`Target::sign_in`].
    pub async fn sign_in_again(&self, refused: &ApiClient) -> anyhow::Result<ApiClient> {
        self.act(Some(&refused.token)).await
    }

    async fn act(&self, refused: Option<&str>) -> anyhow::Result<ApiClient> {
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        let given = self.given();
        let token = std::env::var("AUBERGE_TOKEN").ok().filter(|_| !self.only_file);
        if let Some(token) = token {
            let url = given.context("AUBERGE_TOKEN needs --url (or AUBERGE_URL) beside it")?;
            return Ok(ApiClient { http, url, token });
        }
        let mut ended = None;
        if let Some((store, kept)) = self.kept(given.as_deref())? {
            let url = kept.url.clone();
            match sign_in::fresh(&http, &store, kept, refused).await? {
                Token::Good(token) => return Ok(ApiClient { http, url, token }),
                Token::Ended => ended = Some(url),
            }
        }
        let file = self.admin.clone().unwrap_or_else(|| PathBuf::from(USUAL));
        let again =
            |url: &str| format!("the sign-in at {url} has ended: `auberge login --url {url}` begins another");
        let administrator = match (read(&file), &ended) {
            (Ok(administrator), _) => administrator,
            (Err(_), Some(url)) => bail!("{}", again(url)),
            (Err(why), None) => return Err(why),
        };
        let own = trimmed(&administrator.url);
        let url = given.unwrap_or_else(|| own.clone());
        if let Some(ended) = ended {
            // Whoever believed to act there must not act elsewhere.
            if self.admin.is_none() && ended != own {
                bail!("{}", again(&ended));
            }
            eprintln!("the sign-in at {ended} has ended: acting by {}", file.display());
        }
        // The secret goes where the file says; elsewhere only if the file itself was named.
        if url != own && self.admin.is_none() {
            bail!(
                "{url} is not where {} belongs; `auberge login --url {url}` signs you in there, or name the file with \
                 --admin if it is",
                file.display()
            );
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &administrator.client_id),
            ("client_secret", &administrator.client_secret),
        ];
        let answer = http.post(format!("{url}/oauth/token")).form(&form).send().await;
        let answer = answer.with_context(|| format!("no answer from {url}: is the server running?"))?;
        if !answer.status().is_success() {
            bail!("{url} does not take {}: {}", file.display(), answer.status());
        }
        let issued: Issued = answer.json().await.context("reading the token")?;
        Ok(ApiClient { http, url, token: issued.access_token })
    }

    /// Where the command line or the environment says that the server is.
    fn given(&self) -> Option<String> {
        let given = self.url.clone().or_else(|| std::env::var("AUBERGE_URL").ok());
        given.map(|url| trimmed(&url))
    }

    /// The sign-in that is kept for the server that is meant. Where nothing says which, the only one there is.
    ///
    /// # Errors
    /// When it cannot be told which of several is meant, or none can be read.
    fn kept(&self, given: Option<&str>) -> anyhow::Result<Option<(Store, StoredSignIn)>> {
        // Without a home there is nowhere that one could be kept.
        let Some(store) = Store::of_user().ok().filter(|_| !self.only_file) else { return Ok(None) };
        let named = self.admin.as_deref().and_then(url_of);
        let kept = match (given.map(str::to_owned).or(named), usual_url()) {
            (Some(url), _) => store.get(&url)?,
            (None, _) if self.admin.is_some() => None,
            (None, usual) => {
                let mut all = store.all()?;
                let here = all.iter().position(|kept| Some(&kept.url) == usual.as_ref());
                match (here, all.len(), usual) {
                    (Some(here), ..) => Some(all.swap_remove(here)),
                    (None, 0, _) => None,
                    (None, 1, usual) => {
                        if usual.is_some() {
                            eprintln!(
                                "acting at {}, where you are signed in, and not by {USUAL}",
                                all[0].url
                            );
                        }
                        all.pop()
                    }
                    (None, ..) => bail!(
                        "you are signed in at {}: say which with --url",
                        all.iter().map(|kept| kept.url.as_str()).collect::<Vec<_>>().join(" and ")
                    ),
                }
            }
        };
        Ok(kept.map(|kept| (store, kept)))
    }

    /// The server that an administrator's file names.
    pub fn of(admin: PathBuf) -> Self {
        Self { admin: Some(admin), url: None, only_file: true }
    }

    /// As given on a command line.
    pub fn at(admin: Option<PathBuf>, url: Option<String>) -> Self {
        Self { admin, url, only_file: false }
    }

    /// The address alone, for verbs that need no sign-in.
    pub fn address(&self) -> Option<String> {
        self.url.clone().map(|url| trimmed(&url))
    }
}

/// Where `./auberge-data/admin.json` belongs, if there is one.
pub fn usual_url() -> Option<String> {
    url_of(Path::new(USUAL))
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

/// An address without the slash at its end.
pub fn trimmed(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

/// Whether what is sent to an address can be read on the way.
pub fn plain_off_loopback(url: &str) -> bool {
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
    fn what_can_be_listened_to_is_known() {
        for (url, plain) in [
            ("https://inn.example", false),
            ("http://127.0.0.1:8080", false),
            ("http://[::1]:8080/", false),
            ("http://localhost", false),
            ("http://inn.example", true),
            ("http://10.0.0.1:8080", true),
            ("http://127.0.0.1.evil.example", true),
        ] {
            assert_eq!(plain_off_loopback(url), plain, "{url}");
        }
    }
}
