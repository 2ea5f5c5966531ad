//! Serves all pages with sample data on loopback: `cargo run -p ui --example gallery`.
//!
//! Templates are read from their directory for each page, so that changes are visible after a reload. Style sheets and the
//! script are embedded: restart the example to see their changes. `/gallery` lists every page and state.

mod accounts;
mod data;
#[allow(dead_code)] // The page tests use the rest.
mod services;
mod urls;

use std::sync::Arc;

use poem::Response;

#[tokio::main]
async fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8090".to_owned());
    let services = services::SampleServices::new();
    let dependencies = services::dependencies(&services, &format!("http://{address}"));
    let index = index(&services);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
    let site = ui::Site::new(dependencies).expect("templates compile").reloading(folder.as_ref());
    let site = Arc::new(site);
    let pages = Arc::clone(&site);
    let settings = edge::Settings { public_url: format!("http://{address}"), ..edge::Settings::default() };
    let list =
        poem::endpoint::make_sync(move |_| Response::builder().content_type("text/html").body(index.clone()));
    let server = edge::Server::new(settings)
        .pages(ui::routes(pages))
        .error_page(move |problem, request_id| ui::error_page(&site, problem, request_id))
        .route("/gallery", list);
    let bound = server.bind(&address).await.expect("the address is free");
    println!("http://{address}/gallery");
    bound.run(std::future::pending()).await;
}

fn index(services: &services::SampleServices) -> String {
    let mut lines = String::from("<!doctype html><title>Gallery</title><h1>Gallery</h1><ul>");
    for (name, path) in services.urls() {
        lines.push_str(&format!("<li><a href=\"{}\">{name}</a>", path.replace('&', "&amp;")));
    }
    lines
}
