//! Admission of holds: the edge asks for it before it sends a hold.

use contracts::reservations::{
    Admission, AdmissionEnd, AdmissionId, AdmitHold, EndAdmission, Quote, VisitorAddress,
};
use edge::{ApiError, ClientAddress, Problem, problem_types};
use group::Call;
use protocol::codec;

use super::Shared;

/// The most callers and hotels that are remembered as exempt.
pub(super) const EXEMPT_MAX: usize = 10_000;

impl Shared {
    /// The admission of a hold that will be sent with `call`; `None` if the caller needs none.
    pub(super) async fn admit(
        &self,
        call: &Call,
        address: ClientAddress,
        quote: &Quote,
    ) -> Result<Option<AdmissionId>, ApiError> {
        let (hotel, rooms) = (quote.hotel, quote.rooms);
        // The reply is the same for the whole life of a token, and the hold itself is checked again.
        let exempt =
            codec::hash128(&[call.token.as_deref().unwrap_or("").as_bytes(), &hotel.0.to_be_bytes()]);
        if self.exempt.get(&exempt).is_some() {
            return Ok(None);
        }
        let hashed = address.hashed(&self.addresses);
        let address = VisitorAddress { address: hashed.address, network: hashed.network };
        // Without a key each call is another admission. Not part of a turn, so that it may be random.
        #[allow(clippy::disallowed_methods)]
        let random = || rand::random();
        let admission = AdmissionId::new(call.key.unwrap_or_else(random), hotel, rooms);
        let unkeyed = Call { key: None, ..call.clone() };
        match self.call(&unkeyed, AdmitHold { admission, hotel, rooms, address }).await? {
            Admission::Counted => Ok(Some(admission)),
            Admission::Exempt => {
                self.exempt.insert(exempt, ());
                Ok(None)
            }
            Admission::Later { retry_after_secs } => Err(later(retry_after_secs)),
        }
    }

    /// The hold was refused: its admission does not count. If this does not succeed, it counts for the lifetime of a hold.
    pub(super) async fn give_back(&self, call: &Call, admission: Option<AdmissionId>) {
        let Some(admission) = admission else { return };
        let call = Call { key: None, ..call.clone() };
        let request = EndAdmission { owner: None, admission, end: AdmissionEnd::Refused };
        if let Err(failure) = self.client.call(&call, request).await {
            tracing::debug!(?failure, "the admission of a refused hold was not given back");
        }
    }
}

fn later(retry_after_secs: u32) -> ApiError {
    Problem::new(&problem_types::RATE_LIMITED)
        .detail(
            "Too many unpaid rooms are held from this network. Pay for them or cancel them, or wait as long as `Retry-After` \
             states.",
        )
        .retry_after(retry_after_secs)
        .into()
}
