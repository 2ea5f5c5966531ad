//! Pagination: every item is listed exactly once, for every page size and sort order.

use std::collections::BTreeSet;

use serde_json::Value;
use test_support::{Stay, TestServer, hotel};

use crate::text;

#[tokio::test]
async fn pages_contain_every_item_once() {
    let hotels = (0..7).map(|n| hotel(&format!("h{n}"), &format!("Hotel {n}"), 50)).collect();
    let server = TestServer::plan().hotels(hotels).open().await;
    let partner = server.booker().await;
    let stay = Stay::from_day(70, 1);
    let mut made = BTreeSet::new();
    for n in 0..7 {
        let id = server.hotel_id(&format!("h{n}")).await;
        let offer = partner.offer(&id, &stay, "Flexible").await;
        made.insert(text(&partner.hold(&offer, "list@guest.example").await["id"]).to_owned());
    }
    let ids = |items: &[Value]| items.iter().map(|item| text(&item["id"]).to_owned()).collect::<Vec<_>>();
    for limit in [1, 3, 100] {
        let mut seen = Vec::new();
        let mut path = format!("/v1/reservations?limit={limit}");
        loop {
            let page = partner.get(&path).await.expect(200).json();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit, "{page}");
            seen.extend(ids(items));
            let Some(next) = page["next_cursor"].as_str() else { break };
            path = format!("/v1/reservations?limit={limit}&cursor={next}");
        }
        assert_eq!(
            (seen.len(), seen.into_iter().collect::<BTreeSet<_>>()),
            (7, made.clone()),
            "limit {limit}"
        );
    }
    // A cursor is only valid with the filters that it was created with.
    let page = partner.get("/v1/reservations?limit=2").await.expect(200).json();
    let cursor = text(&page["next_cursor"]);
    partner
        .get(&format!("/v1/reservations?limit=2&status=held&cursor={cursor}"))
        .await
        .problem(400, "bad-cursor");
    partner.get("/v1/reservations?limit=2&cursor=made-up").await.problem(400, "bad-cursor");
    // The same for search, in every sort order.
    for sort in ["price", "rating", "distance", "recommended"] {
        let query = format!("/v1/hotels?city=Krak%C3%B3w&sort={sort}&limit=3&{}", stay.query());
        let (mut seen, mut path) = (Vec::new(), query.clone());
        loop {
            let page = partner.get(&path).await.expect(200).json();
            seen.extend(ids(page["items"].as_array().unwrap()));
            let Some(next) = page["next_cursor"].as_str() else { break };
            path = format!("{query}&cursor={next}");
        }
        assert_eq!((seen.len(), seen.into_iter().collect::<BTreeSet<_>>().len()), (7, 7), "{sort}");
    }
}
