//! The documents of a reservation, for the pages: the same that the REST API of reservations returns.

use std::sync::Arc;
use std::time::Duration;

use contracts::reservations::{GetHotel, GetReservation, Refusal, Reservation};
use contracts::{HotelProfile, ReservationId};
use futures::future::BoxFuture;
use group::{Call, Client, Credentials, Failure, Unavailable, Why};
use reservations::BookingLinks;
use ui::File;

const TIMEOUT: Duration = Duration::from_secs(20);

pub struct ReservationDocuments {
    pub client: Client,
    /// PDFs are rendered with a token of `reservations`, once the caller's own token has read the reservation.
    pub credentials: Arc<dyn Credentials>,
    pub booking_links: BookingLinks,
}

impl ReservationDocuments {
    async fn find(
        &self,
        call: &Call,
        reservation: ReservationId,
    ) -> Result<Option<(Reservation, HotelProfile)>, Unavailable> {
        let Some(found) = readable(self.client.call(call, GetReservation { reservation }).await)? else {
            return Ok(None);
        };
        let hotel = readable(self.client.call(call, GetHotel { hotel: found.hotel() }).await)?;
        Ok(hotel.map(|hotel| (found, hotel)))
    }
}

/// A reservation that the caller may not read is reported as not found.
fn readable<T>(result: Result<T, Failure<Refusal>>) -> Result<Option<T>, Unavailable> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Failure::Unavailable(unavailable)) => Err(unavailable),
        Err(
            Failure::Refused(_) | Failure::Unauthenticated(_) | Failure::Forbidden(_) | Failure::KeyReused,
        ) => Ok(None),
    }
}

impl ui::Documents for ReservationDocuments {
    fn confirmation<'a>(
        &'a self,
        call: &'a Call,
        reservation: ReservationId,
    ) -> BoxFuture<'a, Result<Option<File>, Unavailable>> {
        Box::pin(async move {
            let Some((found, hotel)) = self.find(call, reservation).await? else { return Ok(None) };
            let link = reservations::link_for(&self.client, call, &self.booking_links, reservation).await?;
            let own = Call::bearer(self.credentials.service_token("reservations", None).await?, TIMEOUT);
            let links = &self.booking_links;
            match reservations::confirmation_pdf(&self.client, &own, links, &found, &hotel, &link).await {
                Ok(bytes) => Ok(Some(File { name: format!("confirmation-{reservation}.pdf"), bytes })),
                Err(Failure::Unavailable(away)) => Err(away),
                Err(failure) => {
                    tracing::error!(%failure, "rendering a confirmation failed");
                    Err(Unavailable::new(Why::NoService("pdf".to_owned())))
                }
            }
        })
    }

    fn calendar<'a>(
        &'a self,
        call: &'a Call,
        reservation: ReservationId,
    ) -> BoxFuture<'a, Result<Option<File>, Unavailable>> {
        Box::pin(async move {
            let Some((found, hotel)) = self.find(call, reservation).await? else { return Ok(None) };
            let bytes = reservations::calendar_file(&self.booking_links, &found, &hotel).into_bytes();
            Ok(Some(File { name: format!("{reservation}.ics"), bytes }))
        })
    }
}
