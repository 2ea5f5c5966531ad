//! Stores a template, new or as a replacement.

use contracts::pdf::{PutTemplate, Refusal, StoredTemplate, TEMPLATES_MAX};
use group::Turn;

use super::unchanged;
use crate::Pdf;
use crate::document;
use crate::state::{Kept, LAST_VERSION, SOURCES, TEMPLATES, is_name, summary};

pub(crate) fn put(
    turn: &mut Turn<'_, Pdf>,
    PutTemplate { name, source, expected_version }: PutTemplate,
) -> Result<StoredTemplate, Refusal> {
    if !is_name(&name) {
        return Err(Refusal::BadName);
    }
    let before = turn.get(&TEMPLATES, &name);
    unchanged(&name, before, expected_version)?;
    document::check(&source)?;
    if before.is_none() && turn.first(&TEMPLATES, TEMPLATES_MAX).len() >= TEMPLATES_MAX {
        return Err(Refusal::TooMany);
    }
    // No writes above this line, no refusals below it.
    // The same source is not a change: the version stays, so that a retry does not break the edits of others.
    let same = turn.get(&SOURCES, &name).is_some_and(|kept| kept == source);
    let kept = match before {
        Some(kept) if same => kept,
        Some(_) | None => {
            let version = turn.get(&LAST_VERSION, &0).unwrap_or(0) + 1;
            let kept = Kept { version, updated_at: turn.now() };
            turn.put(&LAST_VERSION, &0, &version);
            turn.put(&TEMPLATES, &name, &kept);
            turn.put(&SOURCES, &name, &source);
            kept
        }
    };
    let template = summary(&name, Some(kept));
    let created = before.is_none() && !template.built_in;
    Ok(StoredTemplate { template, created })
}
