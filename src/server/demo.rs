//! Loads the demo hotels into an empty store.

use std::time::Duration;

use anyhow::Context;
use contracts::reservations::ImportHotels;
use group::{Call, Client, Credentials, Failure};

use super::trust::until_ready;

/// Hotels in one command. Few, because the allocator keeps the memory that a large command needs.
const BATCH: usize = 50;

/// Loads the demo hotels, and returns when search finds them. Idempotent: hotels are upserted by their references.
///
/// # Errors
/// When reservations refuses a hotel, or a service cannot be reached.
pub async fn load(client: &Client, credentials: &dyn Credentials) -> anyhow::Result<()> {
    let mut hotels = search::demo::hotels();
    let mut last = None;
    loop {
        let batch: Vec<_> = hotels.by_ref().take(BATCH).collect();
        let Some(hotel) = batch.last() else { break };
        last = Some(hotel.id);
        until_ready(|| async {
            let token = credentials.service_token("setup", None).await.map_err(Failure::Unavailable)?;
            let call = Call::bearer(token, Duration::from_secs(30));
            client.call(&call, ImportHotels { hotels: batch.clone() }).await
        })
        .await?;
    }
    wait_until_found(client, last).await
}

/// Waits until search finds the last hotel: events arrive in order, so the others have arrived before it.
async fn wait_until_found(client: &Client, last: Option<contracts::HotelId>) -> anyhow::Result<()> {
    let Some(last) = last else { return Ok(()) };
    let call = Call::anonymous(Duration::from_secs(60));
    loop {
        let found = client.call(&call, contracts::search::GetHotel { hotel: last }).await;
        match found {
            Ok(_) => return Ok(()),
            Err(Failure::Refused(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(failure) => return Err(anyhow::anyhow!("{failure}")).context("waiting for search"),
        }
    }
}
