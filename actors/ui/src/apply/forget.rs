//! A browser forgets.

use contracts::ui::{Refusal, Reply};
use group::Turn;

use crate::service::Ui;
use crate::state::{OPENED, is_guest};

pub(crate) fn forget(turn: &mut Turn<'_, Ui>, guest: String) -> Result<Reply, Refusal> {
    if !is_guest(&guest) {
        return Err(Refusal::NoGuest);
    }
    let known: Vec<_> = turn.scan(&OPENED, &guest).map(|(key, _)| key).collect();
    for key in known {
        turn.remove(&OPENED, &key);
    }
    Ok(Reply::Done)
}
