//! A plain Poem route that answers a fixed number of bytes: the yardstick for what a request costs at least.
//!
//! `plain 127.0.0.1:8099 12000` serves 12,000 bytes of JSON under every path until it is ended. They are copied for each
//! answer, as those of a page that was just written would be.

use poem::endpoint::make_sync;
use poem::listener::TcpListener;
use poem::{Response, Route, Server};

/// The same as our own server has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: plain ADDRESS BYTES";

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, bytes] = &arguments[..] else { panic!("{USAGE}") };
    let bytes: usize = bytes.parse().expect(USAGE);
    // A string in quotes is JSON.
    let body = format!("\"{}\"", "x".repeat(bytes.saturating_sub(2)));
    let answer = make_sync(move |_| Response::builder().content_type("application/json").body(body.clone()));
    let served = Server::new(TcpListener::bind(address.clone())).run(Route::new().at("/*path", answer)).await;
    served.expect("serving");
}
