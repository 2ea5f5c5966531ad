//! Offers: the prices of a stay.

use contracts::HotelId;
use contracts::reservations::{GetOffers, Quote, default_guests};
use edge::{ApiError, Caller, Page, SerdeJson};
use group::Call;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query as Parameter};

use super::response::OfferItem;
use super::{Shared, Tag};

/// The most alternatives in a problem.
const ALTERNATIVES_MAX: usize = 10;

pub(super) struct Api(pub Shared);

#[OpenApi(prefix_path = "/v1", tag = "Tag::Reservations")]
impl Api {
    /// List the offers of a hotel for a stay
    ///
    /// One item for each room type and rate plan that fits and is available. Each is a sealed quote of price, taxes and
    /// cancellation policy, valid for 30 minutes. It does not hold the room.
    #[oai(path = "/hotels/:hotel_id/offers", method = "get", operation_id = "listOffers")]
    async fn offers(
        &self,
        caller: Caller,
        /// The hotel
        hotel_id: Path<String>,
        /// The check-in date, local to the hotel
        check_in: Parameter<edge::Date>,
        /// The check-out date
        check_out: Parameter<edge::Date>,
        /// The number of guests in all rooms together, at least one for each room. If omitted, two, or one for each room if
        /// there are more rooms.
        #[oai(validator(minimum(value = "1"), maximum(value = "1000")))]
        guests: Parameter<Option<u32>>,
        /// The number of rooms
        #[oai(validator(minimum(value = "1"), maximum(value = "50")))]
        rooms: Parameter<Option<u32>>,
    ) -> Result<SerdeJson<Page<OfferItem>>, ApiError> {
        let hotel = rest::id_in_path::<HotelId>(&hotel_id)?;
        let stay = rest::stay(check_in.0, check_out.0)?;
        let rooms = rooms.0.unwrap_or(1);
        let request =
            GetOffers { hotel, stay, guests: guests.0.unwrap_or_else(|| default_guests(rooms)), rooms };
        let offers = self.0.call(&caller.call(), request).await?.offers;
        Ok(SerdeJson(Page::single(
            offers.iter().map(|offer| OfferItem::seal(offer, &self.0.offers)).collect(),
        )))
    }
}

impl Shared {
    /// The current offers for the stay of a quote that is not available any more; empty if they cannot be read.
    pub(super) async fn alternatives(&self, call: &Call, quote: &Quote) -> Vec<OfferItem> {
        let &Quote { hotel, stay, guests, rooms, .. } = quote;
        let Ok(found) = self.call(call, GetOffers { hotel, stay, guests, rooms }).await else {
            return Vec::new();
        };
        let first = found.offers.iter().take(ALTERNATIVES_MAX);
        first.map(|offer| OfferItem::seal(offer, &self.offers)).collect()
    }
}
