//! Static files in the binary, served under URLs that contain a hash of their content.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use poem::http::{Method, StatusCode, header};
use poem::{Endpoint, IntoResponse, Request, Response};

use crate::error::ApiError;
use crate::etag::ETag;

#[derive(Debug, Clone)]
struct Asset {
    media_type: Cow<'static, str>,
    bytes: Cow<'static, [u8]>,
    etag: ETag,
    address: String,
}

/// A set of static files. Mount it at its prefix: `.nest("/assets", assets.endpoint())`.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    prefix: String,
    by_name: BTreeMap<String, Arc<Asset>>,
    by_address: BTreeMap<String, Arc<Asset>>,
}

impl Assets {
    /// An empty set under a prefix such as `/assets`.
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.trim_end_matches('/').to_owned(), ..Self::default() }
    }

    /// Adds a file by its path below the prefix: `fonts/inter.woff2`.
    #[must_use]
    pub fn file(mut self, name: &str, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        let bytes = bytes.into();
        let etag = ETag::of_bytes(&bytes);
        let hash = etag.as_str().trim_matches('"');
        let address = match name.rsplit_once('.') {
            Some((stem, extension)) => format!("{stem}.{hash}.{extension}"),
            None => format!("{name}.{hash}"),
        };
        let media_type = media_type(name).into();
        let asset = Arc::new(Asset { media_type, bytes, etag, address: address.clone() });
        self.by_address.insert(address, Arc::clone(&asset));
        self.by_name.insert(name.to_owned(), asset);
        self
    }

    /// The URL of a file, with the hash of its content; for an unknown file its plain name, which answers 404.
    pub fn url(&self, name: &str) -> String {
        let address = self.by_name.get(name).map_or(name, |asset| &asset.address);
        format!("{}/{address}", self.prefix)
    }

    /// Serves the files. Under [`Assets::url`] they are cached for ever; under their plain names clients revalidate.
    pub fn endpoint(self) -> impl Endpoint<Output = Response> + 'static {
        poem::endpoint::make(move |request: Request| {
            std::future::ready(Ok::<_, poem::Error>(self.serve(&request)))
        })
    }

    fn serve(&self, request: &Request) -> Response {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refused = StatusCode::METHOD_NOT_ALLOWED.into_response();
            refused.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        let name = request.uri().path().trim_start_matches('/');
        let (asset, caching) = match (self.by_address.get(name), self.by_name.get(name)) {
            (Some(asset), _) => (asset, "public, max-age=31536000, immutable"),
            (None, Some(asset)) => (asset, "public, no-cache"),
            (None, None) => return ApiError::not_found("The file does not exist.").into_response(),
        };
        Response::builder()
            .content_type(&asset.media_type)
            .header(header::ETAG, asset.etag.as_str())
            .header(header::CACHE_CONTROL, caching)
            .body(asset.bytes.to_vec())
    }
}

/// The media type of a file by its name.
pub fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/vnd.microsoft.icon",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}
