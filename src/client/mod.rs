//! How commands reach a running server: its address, the credentials they act with, the sign-in that `auberge login`
//! stores, and server-sent events.

mod api_client;
pub mod events;
mod retrying;
pub mod sign_in;
mod target;

pub use api_client::{ApiClient, answer, problem};
pub use retrying::{OperatorAccess, RetryingClient};
pub use target::{Target, plain_off_loopback, trimmed, usual_url};
