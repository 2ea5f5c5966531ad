//! How commands reach a running server: its address, the credentials they act with, the sign-in that `auberge login`
//! stores, and server-sent events.

mod api_client;
pub mod events;
mod retrying;
pub mod sign_in;
mod target;

pub use api_client::{ApiClient, Page, problem, send};
pub use retrying::{OperatorAccess, RetryingClient};
pub use target::{Target, default_url, is_plain_http_off_loopback, trimmed};
