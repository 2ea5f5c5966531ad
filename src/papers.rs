//! A reservation's documents for the pages: what the REST API of reservations gives to clients.

use std::sync::Arc;
use std::time::Duration;

use contracts::ReservationId;
use contracts::reservations::{Answer, Query, Refusal, Reservation, Reservations};
use contracts::{HotelId, HotelProfile};
use futures::future::BoxFuture;
use group::{Call, Client, Credentials, Failure, Unavailable, Why};
use reservations::Desk;
use ui::File;

const TIMEOUT: Duration = Duration::from_secs(20);

/// Makes them.
pub struct Papers {
    /// To ask reservations, and to have PDFs made.
    pub client: Client,
    /// Documents are made in the name of `reservations`, after the caller was shown to see the reservation.
    pub credentials: Arc<dyn Credentials>,
    /// What links and banners need.
    pub desk: Desk,
}

impl Papers {
    async fn find(
        &self,
        call: &Call,
        reservation: ReservationId,
    ) -> Result<Option<(Reservation, HotelProfile)>, Unavailable> {
        let found = match self.client.query::<Reservations>(call, Query::Reservation(reservation)).await {
            Ok(Answer::Reservation(found)) => found,
            Ok(_) => return Err(misread()),
            Err(failure) => return none_or(failure),
        };
        let hotel = self.hotel(call, found.hotel()).await?;
        Ok(hotel.map(|hotel| (*found, hotel)))
    }

    async fn hotel(&self, call: &Call, hotel: HotelId) -> Result<Option<HotelProfile>, Unavailable> {
        match self.client.query::<Reservations>(call, Query::Hotel(hotel)).await {
            Ok(Answer::Hotel(hotel)) => Ok(Some(hotel)),
            Ok(_) => Err(misread()),
            Err(failure) => none_or(failure),
        }
    }
}

/// Whatever is not the caller's is not there.
fn none_or<T>(failure: Failure<Refusal>) -> Result<Option<T>, Unavailable> {
    match failure {
        Failure::Unavailable(away) => Err(away),
        Failure::Refused(_) | Failure::Unauthenticated(_) | Failure::Forbidden(_) | Failure::KeyReused => {
            Ok(None)
        }
    }
}

fn misread() -> Unavailable {
    Unavailable::new(Why::NoService("reservations".to_owned()))
}

impl ui::Documents for Papers {
    fn confirmation<'a>(
        &'a self,
        call: &'a Call,
        reservation: ReservationId,
    ) -> BoxFuture<'a, Result<Option<File>, Unavailable>> {
        Box::pin(async move {
            let Some((found, hotel)) = self.find(call, reservation).await? else { return Ok(None) };
            let own = Call::bearer(self.credentials.service_token("reservations", None).await?, TIMEOUT);
            match reservations::confirmation_pdf(&self.client, &own, &self.desk, &found, &hotel).await {
                Ok(bytes) => Ok(Some(File { name: format!("confirmation-{reservation}.pdf"), bytes })),
                Err(Failure::Unavailable(away)) => Err(away),
                Err(failure) => {
                    tracing::error!(%failure, "the confirmation cannot be made");
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
            let bytes = reservations::calendar_file(&self.desk, &found, &hotel).into_bytes();
            Ok(Some(File { name: format!("{reservation}.ics"), bytes }))
        })
    }
}
