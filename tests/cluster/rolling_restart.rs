//! A rolling restart, as for an update: no request is refused.

use std::collections::BTreeMap;

use test_support::Cluster;

use crate::history::{History, inn};
use crate::text;

const MEANWHILE: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_refuses_no_request() {
    let mut cluster = Cluster::plan(3).hotels(inn()).open().await;
    let history = History::begin(&cluster).await;
    history.wait_for_operations(MEANWHILE).await;
    for name in cluster.names() {
        cluster.stop(&name);
        history.wait_for_operations(MEANWHILE).await;
        cluster.start(&name).await;
        cluster.wait_until_healthy().await;
        history.wait_for_operations(MEANWHILE).await;
        assert_eq!(history.refusals(), BTreeMap::new(), "{name} was restarted");
    }
    // A complete booking uses all services, the bank and mail.
    let partner = cluster.booker("n2").await;
    let hotel = cluster.hotel("n2").await;
    let offer = partner.offer(&hotel, &test_support::Stay::from_day(300, 1), "Flexible").await;
    let held = partner.hold(&offer, "whole@guest.example").await;
    let paid = partner.at(cluster.url("n3")).pay(&held, "pm_card_visa").await;
    assert_eq!(text(&paid["status"]), "succeeded", "{paid}");
    partner.at(cluster.url("n1")).once(&held, "confirmed").await;
    history.end(&cluster).await;
}
