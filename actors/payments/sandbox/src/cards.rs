//! The documented test cards and tokens, and their behaviour.
//!
//! Source: <https://docs.stripe.com/testing>.

use serde::{Deserialize, Serialize};

/// The behaviour of a card when it is charged or refunded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Behaviour {
    /// Succeeds.
    Pays,
    /// Is declined.
    Declined(Decline),
    /// Requires 3-D Secure, then succeeds.
    Authenticates,
    /// Requires 3-D Secure, then is declined.
    AuthenticatesThen(Decline),
    /// Succeeds; a refund succeeds and fails later.
    RefundFails,
    /// Succeeds; a refund is pending and succeeds later.
    RefundPends,
}

/// Why the issuer declines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decline {
    Generic,
    InsufficientFunds,
    LostCard,
    StolenCard,
    ExpiredCard,
    IncorrectCvc,
    ProcessingError,
    Fraudulent,
    VelocityExceeded,
    /// A card that is real, or made up.
    NotATestCard,
}

impl Decline {
    /// `code`, `decline_code` and message of the error.
    pub fn error_fields(self) -> (&'static str, &'static str, &'static str) {
        let declined = "Your card was declined.";
        match self {
            Self::Generic => ("card_declined", "generic_decline", declined),
            Self::InsufficientFunds => {
                ("card_declined", "insufficient_funds", "Your card has insufficient funds.")
            }
            Self::LostCard => ("card_declined", "lost_card", declined),
            Self::StolenCard => ("card_declined", "stolen_card", declined),
            Self::ExpiredCard => ("expired_card", "expired_card", "Your card has expired."),
            Self::IncorrectCvc => {
                ("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
            }
            Self::ProcessingError => {
                ("processing_error", "processing_error", "An error occurred while processing your card.")
            }
            Self::Fraudulent => ("card_declined", "fraudulent", declined),
            Self::VelocityExceeded => ("card_declined", "card_velocity_exceeded", declined),
            Self::NotATestCard => (
                "card_declined",
                "test_mode_live_card",
                "Your card was declined. Your request was in test mode, but used a non test card.",
            ),
        }
    }
}

/// A card as it is stored, without its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Card {
    pub brand: String,
    pub last4: String,
    pub behaviour: Behaviour,
}

struct TestCard {
    number: &'static str,
    tokens: &'static [&'static str],
    brand: &'static str,
    behaviour: Behaviour,
}

const fn card(
    number: &'static str,
    brand: &'static str,
    behaviour: Behaviour,
    tokens: &'static [&'static str],
) -> TestCard {
    TestCard { number, tokens, brand, behaviour }
}

use Behaviour::{Authenticates, AuthenticatesThen, Declined, Pays, RefundFails, RefundPends};

/// Tokens are listed without their prefix `pm_card_`.
#[rustfmt::skip]
const TEST_CARDS: &[TestCard] = &[
    card("4242424242424242", "visa", Pays, &["visa", "us"]),
    card("4000056655665556", "visa", Pays, &["visa_debit"]),
    card("5555555555554444", "mastercard", Pays, &["mastercard"]),
    card("2223003122003222", "mastercard", Pays, &[]),
    card("5200828282828210", "mastercard", Pays, &["mastercard_debit"]),
    card("5105105105105100", "mastercard", Pays, &["mastercard_prepaid"]),
    card("378282246310005", "amex", Pays, &["amex", "amex_threeDSecureNotSupported"]),
    card("371449635398431", "amex", Pays, &[]),
    card("6011111111111117", "discover", Pays, &["discover"]),
    card("3056930009020004", "diners", Pays, &["diners"]),
    card("3566002020360505", "jcb", Pays, &["jcb"]),
    card("6200000000000005", "unionpay", Pays, &["unionpay"]),
    card("4000000000000077", "visa", Pays, &["bypassPending"]),
    card("4000000000003055", "visa", Pays, &["threeDSecureOptional"]),
    card("4000000000000259", "visa", Pays, &["createDispute"]),
    card("4000000000000002", "visa", Declined(Decline::Generic), &["chargeDeclined", "visa_chargeDeclined"]),
    card("4000000000009995", "visa", Declined(Decline::InsufficientFunds), &["chargeDeclinedInsufficientFunds", "visa_chargeDeclinedInsufficientFunds"]),
    card("4000000000009987", "visa", Declined(Decline::LostCard), &["chargeDeclinedLostCard", "visa_chargeDeclinedLostCard"]),
    card("4000000000009979", "visa", Declined(Decline::StolenCard), &["chargeDeclinedStolenCard", "visa_chargeDeclinedStolenCard"]),
    card("4000000000000069", "visa", Declined(Decline::ExpiredCard), &["chargeDeclinedExpiredCard"]),
    card("4000000000000127", "visa", Declined(Decline::IncorrectCvc), &["chargeDeclinedIncorrectCvc"]),
    card("4000000000000119", "visa", Declined(Decline::ProcessingError), &["chargeDeclinedProcessingError"]),
    card("4000000000006975", "visa", Declined(Decline::VelocityExceeded), &["visa_chargeDeclinedVelocityLimitExceeded"]),
    card("4100000000000019", "visa", Declined(Decline::Fraudulent), &["radarBlock", "chargeDeclinedFraudulent"]),
    card("4000000000000341", "visa", Declined(Decline::Generic), &["chargeCustomerFail"]),
    card("4000002500003155", "visa", Authenticates, &["authenticationRequiredOnSetup"]),
    card("4000002760003184", "visa", Authenticates, &["authenticationRequired"]),
    card("4000000000003220", "visa", Authenticates, &["threeDSecure2Required"]),
    card("4000000000003063", "visa", Authenticates, &["threeDSecureRequired"]),
    card("4000008400001629", "visa", AuthenticatesThen(Decline::Generic), &["threeDSecureRequiredChargeDeclined"]),
    card("4000008260003178", "visa", AuthenticatesThen(Decline::InsufficientFunds), &["authenticationRequiredChargeDeclinedInsufficientFunds"]),
    card("4000000000005126", "visa", RefundFails, &["refundFail"]),
    card("4000000000007726", "visa", RefundPends, &["pendingRefund"]),
];

impl Card {
    /// A documented token, `pm_card_…`; tokens of countries (`pm_card_de`) succeed.
    pub fn of_token(token: &str) -> Option<Self> {
        let name = token.strip_prefix("pm_card_")?;
        let known = TEST_CARDS.iter().find(|card| card.tokens.contains(&name));
        let country = name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_lowercase());
        known.or(if country { TEST_CARDS.first() } else { None }).map(TestCard::to_card)
    }

    /// A card by its number, which is not stored; `None` if it is not a valid card number.
    pub fn of_number(number: &str) -> Option<Self> {
        if !(12..=19).contains(&number.len()) || !luhn(number) {
            return None;
        }
        let known = TEST_CARDS.iter().find(|card| card.number == number).map(TestCard::to_card);
        let unknown = || Self {
            brand: "unknown".to_owned(),
            last4: number[number.len() - 4..].to_owned(),
            behaviour: Declined(Decline::NotATestCard),
        };
        Some(known.unwrap_or_else(unknown))
    }
}

impl TestCard {
    fn to_card(&self) -> Card {
        let last4 = self.number[self.number.len() - 4..].to_owned();
        Card { brand: self.brand.to_owned(), last4, behaviour: self.behaviour }
    }
}

/// The check digit of ISO/IEC 7812-1.
fn luhn(number: &str) -> bool {
    let digits: Option<Vec<u32>> = number.chars().map(|digit| digit.to_digit(10)).collect();
    let sum = digits.map(|digits| {
        let doubled = |(place, digit): (usize, &u32)| match (place % 2, digit * 2) {
            (0, _) => *digit,
            (_, double) => double / 10 + double % 10,
        };
        digits.iter().rev().enumerate().map(doubled).sum::<u32>()
    });
    sum.is_some_and(|sum| sum.is_multiple_of(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_card_has_a_valid_number() {
        for card in TEST_CARDS {
            assert!(luhn(card.number), "{}", card.number);
            assert_eq!(Card::of_number(card.number), Some(card.to_card()));
            for token in card.tokens {
                assert_eq!(Card::of_token(&format!("pm_card_{token}")), Some(card.to_card()));
            }
        }
    }

    #[test]
    fn invalid_card_numbers_are_rejected() {
        for number in
            ["", "4242424242424241", "4242424242", "4242 4242 4242 4242", "42424242424242424242", "x"]
        {
            assert_eq!(Card::of_number(number), None, "{number}");
        }
        let real = Card::of_number("4111111111111111").expect("a valid number");
        assert_eq!(real.behaviour, Declined(Decline::NotATestCard));
        assert_eq!(Card::of_token("pm_card_nonsense"), None);
        assert_eq!(Card::of_token("visa"), None);
    }
}
