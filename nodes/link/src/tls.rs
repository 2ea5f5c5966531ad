//! Mutual TLS between nodes.

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

/// Minimum interval between checks for changed files.
const RELOAD_INTERVAL_MIN: Duration = Duration::from_secs(10);

/// A byte stream to a peer, with or without TLS.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// TLS configuration of this node. Without files, connections are plain text.
pub(crate) struct TlsContext {
    server_name: ServerName<'static>,
    files: Option<TlsFiles>,
    current: Mutex<Current>,
}

struct Current {
    configs: Option<(TlsAcceptor, TlsConnector)>,
    modified: [Option<SystemTime>; 3],
    checked: Instant,
}

impl TlsContext {
    /// Reads the files. Returns the content of this node's certificate, if there is one.
    pub(crate) fn load(
        cluster: &str,
        files: Option<TlsFiles>,
    ) -> Result<(Self, Option<CertificateInfo>), StartError> {
        let server_name = ServerName::try_from(server_name(cluster))
            .map_err(|_| StartError::Setting(format!("{cluster:?} is not a valid cluster name")))?;
        let mut own = None;
        let mut configs = None;
        if let Some(files) = &files {
            let (loaded, described) = configurations(files)?;
            configs = Some(loaded);
            own = Some(described);
        }
        let modified = modification_times(files.as_ref());
        let current = Mutex::new(Current { configs, modified, checked: Instant::now() });
        Ok((Self { server_name, files, current }, own))
    }

    fn configs(&self) -> Option<(TlsAcceptor, TlsConnector)> {
        let files = self.files.as_ref()?;
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.checked.elapsed() >= RELOAD_INTERVAL_MIN {
            current.checked = Instant::now();
            let now = modification_times(Some(files));
            if now != current.modified {
                match configurations(files) {
                    Ok((configs, _)) => {
                        current.configs = Some(configs);
                        current.modified = now;
                        tracing::info!("certificates reloaded");
                    }
                    // The files may be half-written. The old certificates stay in use until the new ones are
                    // complete.
                    Err(error) => tracing::warn!(%error, "cannot load changed certificates"),
                }
            }
        }
        current.configs.clone()
    }

    /// Server side of a new connection. Returns the stream and the peer's certificate.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<(Box<dyn Transport>, Option<CertificateInfo>), String> {
        let Some((acceptor, _)) = self.configs() else {
            return Ok((Box::new(stream), None));
        };
        let stream = acceptor.accept(stream).await.map_err(|error| format!("TLS: {error}"))?;
        let described = peer_certificate(stream.get_ref().1.peer_certificates())?;
        Ok((Box::new(stream), Some(described)))
    }

    /// Client side of a new connection. Returns the stream and the peer's certificate.
    pub(crate) async fn connect(
        &self,
        stream: TcpStream,
    ) -> Result<(Box<dyn Transport>, Option<CertificateInfo>), String> {
        let Some((_, connector)) = self.configs() else {
            return Ok((Box::new(stream), None));
        };
        let connecting = connector.connect(self.server_name.clone(), stream);
        let stream = connecting.await.map_err(|error| format!("TLS: {error}"))?;
        let described = peer_certificate(stream.get_ref().1.peer_certificates())?;
        Ok((Box::new(stream), Some(described)))
    }
}

fn peer_certificate(certificates: Option<&[CertificateDer<'_>]>) -> Result<CertificateInfo, String> {
    let leaf = certificates.and_then(<[_]>::first).ok_or("no certificate")?;
    parse_certificate(leaf).map_err(|why| format!("certificate: {why}"))
}

fn modification_times(files: Option<&TlsFiles>) -> [Option<SystemTime>; 3] {
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
            "the key is accessible to other users (mode {:o}): chmod 600 it",
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
    let leaf = chain
        .first()
        .ok_or_else(|| wrong(&files.certificate)("the file contains no certificate".to_owned()))?;
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
                .with_single_cert(chain.clone(), key().map_err(to_rustls_error)?)
        })
        .map_err(|error| wrong(&files.certificate)(error.to_string()))?;
    // Session resumption is disabled, because a resumed session does not present certificates.
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .and_then(|builder| {
            builder
                .with_root_certificates(roots)
                .with_client_auth_cert(chain, key().map_err(to_rustls_error)?)
        })
        .map_err(|error| wrong(&files.certificate)(error.to_string()))?;
    client.resumption = Resumption::disabled();
    Ok(((TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client))), described))
}

fn to_rustls_error(error: StartError) -> tokio_rustls::rustls::Error {
    tokio_rustls::rustls::Error::General(error.to_string())
}
