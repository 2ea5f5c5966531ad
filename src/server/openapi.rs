//! The OpenAPI documents, built without starting a server.

use std::any::Any;
use std::sync::Arc;

use group::{Client, Credentials, Inbox, Placement, Unavailable, Why};

use crate::services::{self, ApiDependencies};

/// A placement without services: describing an API calls none.
struct NoServices;

impl Placement for NoServices {
    fn shards(&self, _service: &str) -> Option<u16> {
        None
    }

    fn local(&self, service: &str, _shard: u16) -> Result<Arc<dyn Any + Send + Sync>, Unavailable> {
        Err(Unavailable::new(Why::NoService(service.to_owned())))
    }

    fn inbox(&self, service: &str, _shard: u16) -> Result<Arc<dyn Inbox>, Unavailable> {
        Err(Unavailable::new(Why::NoService(service.to_owned())))
    }
}

impl Credentials for NoServices {
    fn service_token<'a>(
        &'a self,
        service: &'a str,
        _on_behalf_of: Option<&'a str>,
    ) -> futures::future::BoxFuture<'a, Result<Arc<str>, Unavailable>> {
        Box::pin(async move { Err(Unavailable::new(Why::NoService(service.to_owned()))) })
    }
}

/// The documents of all services, with a placeholder for the server's address.
pub fn documents() -> edge::OpenApiDocuments {
    let client = Client::new(Arc::new(NoServices));
    let credentials: Arc<dyn Credentials> = Arc::new(NoServices);
    let apis = ApiDependencies::for_documents();
    let server = edge::Server::new(edge::Settings {
        public_url: "http://127.0.0.1:8080".to_owned(),
        scopes: contracts::scope::DESCRIBED,
        ..edge::Settings::default()
    });
    let server = services::mount_apis(server, &client, &credentials, &apis);
    let server = cluster_api::describe(server);
    server.documents().clone()
}
