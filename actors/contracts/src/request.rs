//! A short form of `impl Request` for services with a single shard.

/// Implements [`protocol::Request`] for a message to the only shard of a service:
/// `request!(Message, Contract => Reply, access)`.
macro_rules! request {
    ($Message:ty, $Contract:ty => $Reply:ty, $access:expr) => {
        impl protocol::Request for $Message {
            type Contract = $Contract;
            type Reply = $Reply;

            fn route(&self) -> protocol::Route {
                protocol::Route::SINGLE
            }

            fn access(&self) -> protocol::Access {
                $access
            }
        }
    };
}
