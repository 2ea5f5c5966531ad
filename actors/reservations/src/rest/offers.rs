//! What a stay would cost.

use contracts::reservations::{Answer, Offer, Query, Quote};
use contracts::{HotelId, Stay};
use edge::{ApiError, Caller, Page, SerdeJson};
use group::Call;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query as Parameter};

use super::response::OfferItem;
use super::{Shared, Tag, unexpected};

/// Alternatives that a refusal names at most.
const ALTERNATIVES_MAX: usize = 10;

pub(super) struct Api(pub Shared);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Reservations")]
impl Api {
    /// Offers of a hotel for a stay
    ///
    /// One item for each room type and rate plan that fits and is free. Each is a sealed quote of price, taxes and
    /// cancellation policy for 30 minutes: of the price, not of the room.
    #[oai(path = "/hotels/:hotel_id/offers", method = "get", operation_id = "listOffers")]
    async fn offers(
        &self,
        caller: Caller,
        /// The hotel
        hotel_id: Path<String>,
        /// The day of arrival, by the hotel's calendar
        check_in: Parameter<edge::Date>,
        /// The day of departure
        check_out: Parameter<edge::Date>,
        /// How many guests there are
        #[oai(validator(minimum(value = "1"), maximum(value = "1000")))]
        guests: Parameter<Option<u32>>,
        /// How many rooms they want
        #[oai(validator(minimum(value = "1"), maximum(value = "50")))]
        rooms: Parameter<Option<u32>>,
    ) -> Result<SerdeJson<Page<OfferItem>>, ApiError> {
        let hotel = rest::id_in_path::<HotelId>(&hotel_id)?;
        let stay = rest::stay(check_in.0, check_out.0)?;
        let rooms = rooms.0.unwrap_or(1);
        let offers = self.0.offers(&caller.call(), hotel, stay, guests.0.unwrap_or(rooms), rooms).await?;
        Ok(SerdeJson(Page::single(
            offers.iter().map(|offer| OfferItem::seal(offer, &self.0.offers)).collect(),
        )))
    }
}

impl Shared {
    async fn offers(
        &self,
        call: &Call,
        hotel: HotelId,
        stay: Stay,
        guests: u32,
        rooms: u32,
    ) -> Result<Vec<Offer>, ApiError> {
        match self.query(call, Query::Offers { hotel, stay, guests, rooms }).await? {
            Answer::Offers(found) => Ok(found.offers),
            other => Err(unexpected(&other)),
        }
    }

    /// What the hotel offers now for the stay of a quote that could not be kept; nothing where that cannot be told.
    pub(super) async fn instead(&self, call: &Call, quote: &Quote) -> Vec<OfferItem> {
        let found = self.offers(call, quote.hotel, quote.stay, quote.guests, quote.rooms).await;
        found
            .unwrap_or_default()
            .iter()
            .take(ALTERNATIVES_MAX)
            .map(|offer| OfferItem::seal(offer, &self.offers))
            .collect()
    }
}
