//! TLS: who is let in, and who is dialled.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, version};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::identity::{CertificateInfo, parse_certificate, server_name};
use crate::options::{StartError, TlsFiles};

/// Files are looked at again after this time at the earliest.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// A connection, encrypted or not, that can be read and written.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// This node's side of TLS; `None` inside means plain text.
pub(crate) struct TlsContext {
    server_name: ServerName<'static>,
    files: Option<TlsFiles>,
    current: Mutex<Current>,
}

struct Current {
    configs: Option<(TlsAcceptor, TlsConnector)>,
    changed: [Option<SystemTime>; 3],
    looked: Instant,
}

impl TlsContext {
    /// Reads the files. Also says what this node's own certificate says, if it has one.
    pub(crate) fn load(
        cluster: &str,
        files: Option<TlsFiles>,
    ) -> Result<(Self, Option<CertificateInfo>), StartError> {
        let server_name = ServerName::try_from(server_name(cluster))
            .map_err(|_| StartError::Setting(format!("{cluster:?} is no cluster's name")))?;
        let mut own = None;
        let mut configs = None;
        if let Some(files) = &files {
            let (made, described) = configurations(files)?;
            configs = Some(made);
            own = Some(described);
        }
        let changed = changed(files.as_ref());
        let current = Mutex::new(Current { configs, changed, looked: Instant::now() });
        Ok((Self { server_name, files, current }, own))
    }

    fn configs(&self) -> Option<(TlsAcceptor, TlsConnector)> {
        let files = self.files.as_ref()?;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() >= LOOK_AGAIN {
            current.looked = Instant::now();
            let now = changed(Some(files));
            if now != current.changed {
                match configurations(files) {
                    Ok((configs, _)) => {
                        current.configs = Some(configs);
                        current.changed = now;
                        tracing::info!("certificates were read again");
                    }
                    // Half-written perhaps: the old ones serve until the new ones are whole.
                    Err(error) => tracing::warn!(%error, "changed certificates cannot be used yet"),
                }
            }
        }
        current.configs.clone()
    }

    /// The server's side of a new connection: brings the peer's certificate with it.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<(Box<dyn Transport>, Option<CertificateInfo>), String> {
        let Some((acceptor, _)) = self.configs() else {
            return Ok((Box::new(stream), None));
        };
        let stream = acceptor.accept(stream).await.map_err(|error| format!("TLS: {error}"))?;
        let described = presented(stream.get_ref().1.peer_certificates())?;
        Ok((Box::new(stream), Some(described)))
    }

    /// The client's side of a new connection.
    pub(crate) async fn connect(
        &self,
        stream: TcpStream,
    ) -> Result<(Box<dyn Transport>, Option<CertificateInfo>), String> {
        let Some((_, connector)) = self.configs() else {
            return Ok((Box::new(stream), None));
        };
        let connecting = connector.connect(self.server_name.clone(), stream);
        let stream = connecting.await.map_err(|error| format!("TLS: {error}"))?;
        let described = presented(stream.get_ref().1.peer_certificates())?;
        Ok((Box::new(stream), Some(described)))
    }
}

fn presented(certificates: Option<&[CertificateDer<'_>]>) -> Result<CertificateInfo, String> {
    let leaf = certificates.and_then(<[_]>::first).ok_or("no certificate")?;
    parse_certificate(leaf).map_err(|why| format!("certificate: {why}"))
}

fn changed(files: Option<&TlsFiles>) -> [Option<SystemTime>; 3] {
    let time = |path: &Path| fs::metadata(path).and_then(|about| about.modified()).ok();
    files.map_or([None; 3], |files| [&files.ca, &files.certificate, &files.key].map(|path| time(path)))
}

type Configurations = (TlsAcceptor, TlsConnector);

fn configurations(files: &TlsFiles) -> Result<(Configurations, CertificateInfo), StartError> {
    let wrong = |path: &PathBuf| {
        let path = path.clone();
        move |why: String| StartError::Certificate { path, why }
    };
    let mode =
        fs::metadata(&files.key).map_err(|error| wrong(&files.key)(error.to_string()))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(wrong(&files.key)(format!(
            "others may read this key (mode {:o}): chmod 600",
            mode & 0o777
        )));
    }
    let certificates = |path: &PathBuf| {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        read.map_err(|error| wrong(path)(error.to_string()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.ca)? {
        roots.add(certificate).map_err(|error| wrong(&files.ca)(error.to_string()))?;
    }
    let roots = Arc::new(roots);
    let chain = certificates(&files.certificate)?;
    let leaf = chain.first().ok_or_else(|| wrong(&files.certificate)("no certificate in it".to_owned()))?;
    let described = parse_certificate(leaf).map_err(wrong(&files.certificate))?;
    let key =
        || PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(&files.key)(error.to_string()));

    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
        .build()
        .map_err(|error| wrong(&files.ca)(error.to_string()))?;
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&version::TLS13])
        .and_then(|builder| {
            builder
                .with_client_cert_verifier(verifier)
                .with_single_cert(chain.clone(), key().map_err(general)?)
        })
        .map_err(|error| wrong(&files.certificate)(error.to_string()))?;
    // A resumed session would skip certificates: every connection shows them.
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .and_then(|builder| {
            builder.with_root_certificates(roots).with_client_auth_cert(chain, key().map_err(general)?)
        })
        .map_err(|error| wrong(&files.certificate)(error.to_string()))?;
    client.resumption = Resumption::disabled();
    Ok(((TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client))), described))
}

fn general(error: StartError) -> tokio_rustls::rustls::Error {
    tokio_rustls::rustls::Error::General(error.to_string())
}
