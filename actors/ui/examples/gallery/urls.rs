//! URLs of every page and state.

use contracts::reservations::Status;

use crate::services::SampleServices;

impl SampleServices {
    /// Names and URLs of every page and state.
    pub fn urls(&self) -> Vec<(String, String)> {
        let mut list: Vec<(String, String)> = [
            ("Home", "/"),
            ("Results", "/search?city=Paris"),
            ("Results, filters without result", "/search?city=Paris&stars=5&amenities=pets"),
            ("Results, no such city", "/search?city=Nowhere"),
            ("Results, dates turned round", "/search?city=Paris&check_in=2027-05-02&check_out=2027-05-01"),
            ("My bookings", "/bookings"),
            ("Sign in", "/sign-in"),
            ("Sign up", "/sign-up"),
            ("Password reset", "/password-reset"),
            ("New password", "/reset-password?token=x"),
            ("Verify", "/verify-email?token=x"),
            ("Account (sign in first)", "/account"),
            ("Not found", "/nowhere"),
        ]
        .map(|(name, path)| (name.to_owned(), path.to_owned()))
        .to_vec();
        for index in [0, 2, 4, 9, 14] {
            list.push((format!("Hotel {index}"), format!("/hotels/{}", self.hotel(index))));
        }
        list.push(("Hotel, too many guests".into(), format!("/hotels/{}?guests=9", self.hotel(0))));
        for status in Status::ALL {
            let id = self.booking(status);
            let tag = self.tag(id);
            list.push((format!("Booking, {}", status.as_str()), format!("/bookings/{id}?key={tag}")));
            list.push((
                format!("Cancelling, {}", status.as_str()),
                format!("/bookings/{id}/cancel?key={tag}"),
            ));
        }
        let held = self.booking(Status::Held);
        list.push((
            "Paying for a hold".into(),
            format!("/bookings/{held}/pay?key={}&card=refused", self.tag(held)),
        ));
        list
    }
}
