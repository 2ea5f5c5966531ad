//! Admission of holds: unpaid rooms are counted by visitor and by address before a hold is made.

use contracts::reservations::{
    Admission, AdmissionEnd, AdmissionId, AdmitHold, EndAdmission, Quote, Refusal, VisitorAddress,
};
use group::{Call, Failure};

use crate::context::PageContext;
use crate::format::count;

/// The reply of [`admit`].
pub(super) enum Admitted {
    /// The hold may be made, with this admission.
    Yes(Option<AdmissionId>),
    /// Too many rooms are held from this address. The number of seconds to wait.
    Later(u32),
}

/// Asks for the admission of a hold that will be sent with `call`.
pub(super) async fn admit(
    context: &PageContext,
    call: &Call,
    quote: &Quote,
) -> Result<Admitted, Failure<Refusal>> {
    let (hotel, rooms) = (quote.hotel, quote.rooms);
    let hashed = context.address.hashed(&context.site.dependencies.addresses);
    let address = VisitorAddress { address: hashed.address, network: hashed.network };
    let random = || u128::from_be_bytes(token::random_bytes()[..16].try_into().expect("16 of 32 bytes"));
    let admission = AdmissionId::new(call.key.unwrap_or_else(random), hotel, rooms);
    let request = AdmitHold { admission, hotel, rooms, address };
    let unkeyed = Call { key: None, ..call.clone() };
    Ok(match context.site.dependencies.client.call(&unkeyed, request).await? {
        Admission::Counted => Admitted::Yes(Some(admission)),
        Admission::Exempt => Admitted::Yes(None),
        Admission::Later { retry_after_secs } => Admitted::Later(retry_after_secs),
    })
}

/// The hold was refused: its admission does not count. If this does not succeed, it counts for the lifetime of a hold.
pub(super) async fn give_back(context: &PageContext, call: &Call, admission: Option<AdmissionId>) {
    let Some(admission) = admission else { return };
    let call = Call { key: None, ..call.clone() };
    let request = EndAdmission { owner: None, admission, end: AdmissionEnd::Refused };
    if let Err(failure) = context.site.dependencies.client.call(&call, request).await {
        tracing::debug!(?failure, "the admission of a refused hold was not given back");
    }
}

/// What a visitor can do instead of waiting.
pub(super) fn later_text(seconds: u32, signed_in: bool) -> String {
    let wait = count(seconds.div_ceil(60), "minute");
    let sign_in = if signed_in { "" } else { ", sign in" };
    format!(
        "Nothing has been charged. Please pay for or release the rooms that you hold{sign_in}, or try again in {wait}. You can \
         also book directly with the hotel."
    )
}
