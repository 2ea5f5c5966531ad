//! Payments with the sandbox bank, over loopback: what banks say, and how banks fail.

mod common;

use common::*;
use contracts::payments::*;
use contracts::reservations;
use sandbox_bank::{Fault, Operation};

#[tokio::test]
async fn a_successful_payment_confirms_the_reservation_and_mails_the_receipt() {
    let world = World::new().await;
    let reservation = world.hold(1, euros(12_300));
    let payment = world.pay(reservation, "pm_card_mastercard").await;
    assert_eq!(
        (payment.status, payment.amount, payment.test),
        (PaymentStatus::Succeeded, Some(euros(12_300)), Some(true))
    );
    assert_eq!(payment.method.as_deref(), Some("Mastercard •••• 4444"));
    assert_eq!(world.reservations.state().confirmed.get(&reservation), Some(&payment.id));
    assert_eq!(world.charged().await, 1);
    let mails = world.mails();
    let (name, mail) = mails.iter().next().expect("one mail");
    assert_eq!(mails.len(), 1);
    assert!(name.contains(&format!("{}.receipt", payment.id)), "{name}");
    for words in ["TEST: Receipt R-000001 from Hotel Grand", "application/pdf", "receipt-R-000001.pdf"] {
        assert!(mail.contains(words), "{words} is not in {mail}");
    }
    assert!(!mail.contains("<Żółć>"));
    assert_eq!(world.services.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_declined_card_fails_with_its_decline_code_and_allows_another_attempt() {
    let world = World::new().await;
    let reservation = world.hold(1, euros(500));
    for (card, code) in [
        ("pm_card_chargeDeclined", "card_declined"),
        ("pm_card_visa_chargeDeclined", "card_declined"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error"),
        ("pm_card_radarBlock", "fraudulent"),
        ("pm_no_such_method", "invalid_payment_method"),
    ] {
        let payment = world.pay(reservation, card).await;
        assert_eq!(payment.status, PaymentStatus::Failed, "{card}");
        assert_eq!(payment.failure.map(|failure| failure.code).as_deref(), Some(code), "{card}");
        let command = world.reservations.state().received.last().cloned();
        assert_eq!(command, Some(reservations::PaymentFailed { reservation, payment: payment.id }.into()));
    }
    assert_eq!(world.charged().await, 0);
    assert_eq!(world.pay(reservation, "pm_card_visa").await.status, PaymentStatus::Succeeded);
    assert_eq!(world.charged().await, 1);
    assert_eq!(world.services.violations(), Vec::<String>::new());
}

/// Presses a button on the page of the guest's bank; where it leads back to.
async fn press(world: &World, payment: &Payment, outcome: &str) -> String {
    let url = payment.redirect_url.clone().expect("a page");
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    let page = http.get(&url).send().await.expect("a page").text().await.expect("text");
    assert!(page.contains("TEST") && page.contains("Complete"), "{page}");
    assert!(!page.contains(&world.bank().secret_key));
    let answer = http.post(&url).form(&[("outcome", outcome)]).send().await.expect("an answer");
    assert_eq!(answer.status(), 303);
    // A second submission is not found.
    assert_eq!(
        http.post(&url).form(&[("outcome", "complete")]).send().await.expect("an answer").status(),
        404
    );
    answer.headers()["location"].to_str().expect("text").to_owned()
}

#[tokio::test]
async fn three_d_secure_is_completed_or_failed_by_the_guest() {
    let world = World::new().await;
    for (n, card, outcome, status, code) in [
        (1, "pm_card_threeDSecure2Required", "complete", PaymentStatus::Succeeded, None),
        (
            2,
            "pm_card_authenticationRequired",
            "fail",
            PaymentStatus::Failed,
            Some("payment_intent_authentication_failure"),
        ),
        (
            3,
            "pm_card_threeDSecureRequiredChargeDeclined",
            "complete",
            PaymentStatus::Failed,
            Some("card_declined"),
        ),
    ] {
        let reservation = world.hold(n, euros(900));
        let payment = world.pay(reservation, card).await;
        assert_eq!(payment.status, PaymentStatus::RequiresAction, "{card}");
        assert_eq!(
            world.services.client().call(&world.call(&guest()), start(reservation, "pm_card_visa")).await,
            Err(group::Failure::Refused(Refusal::PaymentOpen(payment.id)))
        );
        let back = press(&world, &payment, outcome).await;
        assert!(back.starts_with("https://hotel.example/back?payment_intent=pi_"), "{back}");
        let returned = GuestReturned { payment: payment.id };
        world.services.client().call(&world.call(&guest()), returned).await.expect("accepted");
        world.services.settle().await;
        let payment = world.payment(payment.id).await;
        assert_eq!(
            (payment.status, payment.failure.map(|failure| failure.code).as_deref()),
            (status, code),
            "{card}"
        );
    }
    assert_eq!(world.charged().await, 1);
    assert_eq!(world.services.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn an_unfinished_three_d_secure_is_cancelled_at_the_bank() {
    let world = World::new().await;
    let payment = world.pay(world.hold(1, euros(900)), "pm_card_threeDSecure2Required").await;
    world.services.advance_secs(payments::limits::PAY_WITHIN_SECS);
    world.services.settle().await;
    let payment = world.payment(payment.id).await;
    assert_eq!(payment.failure.map(|failure| failure.code).as_deref(), Some("authentication_expired"));

    // Completed at the last moment without a webhook: the intent is retrieved before it is cancelled.
    let payment = world.pay(world.hold(2, euros(900)), "pm_card_threeDSecure2Required").await;
    press(&world, &payment, "complete").await;
    world.services.advance_secs(payments::limits::PAY_WITHIN_SECS);
    world.services.settle().await;
    assert_eq!(world.payment(payment.id).await.status, PaymentStatus::Succeeded);
}

#[tokio::test]
async fn a_timeout_after_the_charge_does_not_charge_twice() {
    let wait = u64::try_from(BANK_TIMEOUT.as_millis()).expect("short") + 300;
    for (operation, fault) in [
        (Operation::Confirm, Fault::HangAfter(wait)),
        (Operation::Confirm, Fault::HangBefore(wait)),
        (Operation::Confirm, Fault::ErrorAfter),
        (Operation::Confirm, Fault::Error),
        (Operation::Create, Fault::HangAfter(wait)),
        (Operation::Create, Fault::ErrorAfter),
        (Operation::Create, Fault::RateLimited),
        (Operation::Retrieve, Fault::Down),
        (Operation::Any, Fault::Down),
    ] {
        let world = World::new().await;
        let reservation = world.hold(1, euros(900));
        world.bank().faults().arm(operation, fault, 2);
        let payment = world.pay(reservation, "pm_card_visa").await;
        assert_eq!(payment.status, PaymentStatus::Succeeded, "{operation:?} {fault:?}");
        assert_eq!(world.charged().await, 1, "{operation:?} {fault:?}");
        assert_eq!(world.reservations.state().received.len(), 2, "opened and succeeded, once each");
    }
}

#[tokio::test]
async fn effects_resume_when_the_bank_is_available_again() {
    let mut world = World::new().await;
    let waiting = world.pay(world.hold(1, euros(900)), "pm_card_threeDSecure2Required").await;
    let reservation = world.hold(2, euros(700));
    world.close_bank().await;
    let begun = world.begin(reservation, "pm_card_visa").await;
    let books = world.books();
    let back = tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        open(books).await
    });
    world.services.settle().await;
    world.bank = Some(back.await.expect("the bank is back"));
    assert_eq!(world.payment(begun).await.status, PaymentStatus::Succeeded);
    // The page from before the restart still works: same port, same intent.
    press(&world, &waiting, "complete").await;
    world.services.advance_secs(payments::limits::RECHECK_SECS);
    world.services.settle().await;
    assert_eq!(world.payment(waiting.id).await.status, PaymentStatus::Succeeded);
    assert_eq!(world.charged().await, 2);
}

#[tokio::test]
async fn a_late_payment_is_refunded_automatically() {
    let world = World::new().await;
    let reservation = world.hold(1, euros(900));
    let payment = world.pay(reservation, "pm_card_threeDSecure2Required").await;
    // The hold expires while the guest is on the bank's page.
    world.reservations.state().held.clear();
    press(&world, &payment, "complete").await;
    world.services.advance_secs(payments::limits::RECHECK_SECS);
    world.services.settle().await;
    let payment = world.payment(payment.id).await;
    assert_eq!((payment.status, payment.refunded), (PaymentStatus::Refunded, 900));
    assert_eq!(payment.refunds[0].reason, RefundReason::TooLate);
    let command = world.reservations.state().received.last().cloned();
    assert!(
        matches!(
            command,
            Some(reservations::Command::RefundChanged(reservations::RefundChanged { refunded: 900, .. }))
        ),
        "{command:?}"
    );
    let mails = world.mails();
    assert!(mails.keys().any(|name| name.contains(".refund")), "{:?}", mails.keys());
    assert_eq!(world.services.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_refund_is_mailed_to_the_current_address_with_the_current_link() {
    let world = World::new().await;
    let payment = world.pay(world.hold(1, euros(900)), "pm_card_visa").await;
    {
        let mut state = world.reservations.state();
        state.email = Some("moved@example.org".into());
        state.link += 1;
    }
    refund(&world, &payment, 200).await;
    let mails = world.mails();
    let mail = |part: &str| {
        let (_, mail) = mails.iter().find(|(name, _)| name.contains(part)).expect("a mail");
        mail.replace("=\r\n", "").replace("=3D", "=")
    };
    let (receipt, refund) = (mail(".receipt"), mail(".refund"));
    assert!(receipt.contains("guest@example.org") && receipt.contains("key=secret-1"), "{receipt}");
    assert!(refund.contains("moved@example.org") && refund.contains("key=secret-2"), "{refund}");
    assert!(!refund.contains("guest@example.org"), "{refund}");
}

async fn refund(world: &World, payment: &Payment, amount: i64) -> Payment {
    let amount = Some(amount);
    let request = RequestRefund { payment: payment.id, amount, reason: "Noise".into() };
    world.services.client().call(&world.call(&staff(hotel())), request).await.expect("a refund");
    world.services.settle().await;
    world.payment(payment.id).await
}

#[tokio::test]
async fn a_refund_is_made_once_whatever_fault_the_bank_has() {
    let wait = u64::try_from(BANK_TIMEOUT.as_millis()).expect("short") + 300;
    for (operation, fault) in [
        (Operation::Refund, Fault::HangAfter(wait)),
        (Operation::Refund, Fault::ErrorAfter),
        (Operation::Refund, Fault::Error),
        (Operation::ListRefunds, Fault::Down),
    ] {
        let world = World::new().await;
        let payment = world.pay(world.hold(1, euros(900)), "pm_card_visa").await;
        // The bank repeats its error for an idempotency key, so a new key is used after five attempts.
        world.bank().faults().arm(operation, fault, 1);
        let payment = refund(&world, &payment, 200).await;
        assert_eq!(
            (payment.status, payment.refunded),
            (PaymentStatus::PartiallyRefunded, 200),
            "{operation:?} {fault:?}"
        );
        let intent = world.at_bank("/v1/charges").await["data"][0]["payment_intent"]
            .as_str()
            .expect("an id")
            .to_owned();
        let made = world.at_bank(&format!("/v1/refunds?payment_intent={intent}")).await;
        assert_eq!(made["data"].as_array().map(Vec::len), Some(1), "{operation:?} {fault:?}");
        assert_eq!(made["data"][0]["amount"], 200);
    }
}

#[tokio::test]
async fn pending_and_failing_refunds_are_followed_up() {
    let world = World::new().await;
    let pends = world.pay(world.hold(1, euros(900)), "pm_card_pendingRefund").await;
    let fails = world.pay(world.hold(2, euros(900)), "pm_card_refundFail").await;
    assert_eq!(refund(&world, &pends, 900).await.refunds[0].status, RefundStatus::Pending);
    assert_eq!(refund(&world, &fails, 900).await.status, PaymentStatus::Refunded);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    world.services.advance_secs(payments::limits::RECHECK_SECS);
    world.services.settle().await;
    assert_eq!(world.payment(pends.id).await.status, PaymentStatus::Refunded);
    // The failed refund is reported by an event.
    let event = BankEvent {
        event: "evt_1".into(),
        kind: "refund.failed".into(),
        payment: Some(fails.id),
        intent: None,
    };
    world.services.client().call(&world.call(&own()), event).await.expect("accepted");
    world.services.settle().await;
    let fails = world.payment(fails.id).await;
    assert_eq!((fails.status, fails.refunds[0].status), (PaymentStatus::Succeeded, RefundStatus::Failed));
    assert_eq!(world.services.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_wrong_key_waits_for_the_operator() {
    let world = World::new().await;
    let settings = payments::BankSettings {
        base_url: world.bank().base_url.clone(),
        secret_key: "sk_live_wrong".into(),
        sandbox: false,
        timeout: None,
    };
    assert_eq!(settings.mode(), BankMode::Live);
    assert!(!format!("{settings:?}").contains("sk_live"));
    for (url, good) in [
        ("https://api.stripe.com", true),
        ("http://127.0.0.1:1", true),
        ("http://bank.example", false),
        ("x", false),
    ] {
        let settings = payments::BankSettings { base_url: url.into(), ..settings.clone() };
        assert_eq!(payments::Bank::new(settings).is_ok(), good, "{url}");
    }
}

#[tokio::test]
async fn another_bank_mode_is_refused_at_start() {
    let world = World::new().await;
    let (client, call) = (world.services.client(), world.call(&own()));
    let check = async |mode| payments::flow::check_bank_mode(&client, &call, mode).await;
    assert_eq!(check(BankMode::Live).await, Ok(()));
    world.pay(world.hold(1, euros(900)), "pm_card_visa").await;
    assert_eq!(check(BankMode::Sandbox).await, Ok(()));
    let refused = check(BankMode::Live).await.expect_err("refused");
    assert!(refused.contains("the sandbox bank") && refused.contains("live"), "{refused}");
}

#[tokio::test]
async fn an_unknown_intent_fails_the_payment() {
    let mut world = World::new().await;
    let reservation = world.hold(1, euros(900));
    let payment = world.pay(reservation, "pm_card_threeDSecure2Required").await;
    let addr = world.bank().base_url.trim_start_matches("http://").parse().expect("an address");
    let secret_key = Some(world.bank().secret_key.clone());
    world.close_bank().await;
    let options =
        sandbox_bank::Options { addr, secret_key, ..sandbox_bank::Options::new(world.books().join("new")) };
    world.bank = Some(sandbox_bank::Sandbox::start(options).await.expect("another bank at the same place"));
    world.services.advance_secs(payments::limits::RECHECK_SECS);
    world.services.settle().await;
    let payment = world.payment(payment.id).await;
    assert_eq!(payment.failure.map(|failure| failure.code).as_deref(), Some("bank_refused"));
    assert_eq!(world.pay(reservation, "pm_card_visa").await.status, PaymentStatus::Succeeded);
}
