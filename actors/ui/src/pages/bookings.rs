//! My bookings: those of the account, those made in this browser, and those opened with a secret link.

use std::collections::BTreeMap;

use contracts::reservations::{
    GetReservation, ListBy, ListReservations, Position, Reservation, Status, merge_pages,
};
use contracts::ui::ListOpenedBookings;
use contracts::{Date, HotelId, ReservationId};
use futures::future::join_all;
use group::{Call, Failure};
use poem::{Response, handler};
use protocol::Timestamp;
use serde_json::{Value, json};

use super::{booking, lookup};
use crate::context::{Fields, PageContext};
use crate::error::PageError;
use crate::format::{self, money, today_in};
use crate::picture;
use crate::view::HotelView;

/// Bookings on a page.
const PAGE: u32 = 20;

#[handler]
pub(super) async fn bookings(mut context: PageContext, fields: Fields) -> Result<Response, PageError> {
    let after: Option<Position> =
        context.site.dependencies.sessions.open(fields.get("cursor"), context.now).ok();
    let call = context.as_visitor().await?;
    let (own, next) = list(&context, &call, after).await?;
    let mut found: BTreeMap<ReservationId, Reservation> = own.into_iter().map(|one| (one.id, one)).collect();
    if after.is_none() {
        if context.session.user.is_some() {
            let call = context.on_behalf_of(&context.session.guest).await?;
            found.extend(list(&context, &call, None).await?.0.into_iter().map(|one| (one.id, one)));
        }
        for one in opened_by_link(&context).await? {
            found.entry(one.id).or_insert(one);
        }
    }
    let hotels = hotels(&context, found.values().map(Reservation::hotel)).await;
    let today = today_in(context.now, "UTC");
    let mut groups = [("Upcoming", Vec::new()), ("Past", Vec::new()), ("Cancelled or expired", Vec::new())];
    let mut sorted: Vec<_> = found.into_values().collect();
    sorted.sort_by_key(|one| (one.stay().check_in(), one.id));
    for one in &sorted {
        let Some(hotel) = hotels.get(&one.hotel()) else { continue };
        groups[group(one.status, one.stay().check_out(), today)].1.push(row(&context, one, hotel));
    }
    groups[1].1.reverse();
    groups[2].1.reverse();
    let groups: Vec<_> = groups
        .into_iter()
        .filter(|(_, rows)| !rows.is_empty())
        .map(|(title, rows)| json!({ "title": title, "bookings": rows }))
        .collect();
    let next_href = next.map(|position| {
        format!("/bookings?cursor={}", context.site.dependencies.sessions.seal(&position, None))
    });
    let view = json!({ "groups": groups, "next_href": next_href, "empty_picture": picture::of_city(20, 46.0, 30_000) });
    context.page("bookings.html", "My bookings", view)
}

fn group(status: Status, leaves: Date, today: Date) -> usize {
    match status {
        Status::Held | Status::CheckedIn => 0,
        Status::Confirmed => usize::from(leaves < today),
        Status::CheckedOut => 1,
        Status::Expired | Status::Cancelled | Status::NoShow => 2,
    }
}

async fn list(
    context: &PageContext,
    call: &Call,
    after: Option<Position>,
) -> Result<(Vec<Reservation>, Option<Position>), PageError> {
    let listing = ListReservations {
        by: ListBy::Owner,
        status: None,
        check_in_from: None,
        check_in_to: None,
        reference: None,
        updated_since: None::<Timestamp>,
        after,
        limit: PAGE,
    };
    match context.site.dependencies.client.call_every_shard(call, listing).await {
        Ok(pages) => Ok(merge_pages(pages, PAGE as usize)),
        Err(Failure::Refused(_) | Failure::Forbidden(_)) => Ok((Vec::new(), None)),
        Err(failure) => Err(failure.into()),
    }
}

async fn opened_by_link(context: &PageContext) -> Result<Vec<Reservation>, PageError> {
    let call = context.as_ui().await?;
    let client = &context.site.dependencies.client;
    let opened = ListOpenedBookings { guest: context.session.guest.clone() };
    let links = client.call(&call, opened).await.unwrap_or_default();
    // A link that was replaced since opens nothing.
    let read = links.into_iter().map(async |link| {
        let call = context.on_behalf_of(&link.subject()).await.ok()?;
        client.call(&call, GetReservation { reservation: link.reservation }).await.ok()
    });
    Ok(join_all(read).await.into_iter().flatten().collect())
}

async fn hotels(
    context: &PageContext,
    hotels: impl Iterator<Item = HotelId>,
) -> BTreeMap<HotelId, HotelView> {
    let hotels: std::collections::BTreeSet<_> = hotels.collect();
    let asked =
        hotels.into_iter().map(|id| async move { Some((id, lookup::hotel(context, id).await.ok()?)) });
    join_all(asked).await.into_iter().flatten().collect()
}

fn row(context: &PageContext, one: &Reservation, hotel: &HotelView) -> Value {
    let (word, pill) = booking::status_label(one);
    let stay = one.stay();
    json!({
        "href": format!("/bookings/{}", one.id), "hotel": hotel.profile.name, "where": hotel.place(),
        "dates": format!("{} to {} · {}", format::day(context.locale, stay.check_in()), format::day(context.locale, stay.check_out()), format::count(stay.length(), "night")),
        "word": word, "pill": pill, "total": money(context.locale, one.total()), "picture": hotel.picture(context.now, false),
    })
}
