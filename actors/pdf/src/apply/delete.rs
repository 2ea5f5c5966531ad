//! Deletes a stored template; a built-in template that it overrides is restored.

use contracts::pdf::{DeleteTemplate, DeletedTemplate, Refusal};
use group::Turn;

use super::unchanged;
use crate::state::{SOURCES, TEMPLATES};
use crate::{Pdf, builtin};

pub(crate) fn delete(
    turn: &mut Turn<'_, Pdf>,
    DeleteTemplate { name, expected_version }: &DeleteTemplate,
) -> Result<DeletedTemplate, Refusal> {
    let kept = turn.get(&TEMPLATES, name);
    let built_in = builtin::source(name).is_some();
    if kept.is_none() && !built_in {
        return Err(Refusal::NoTemplate);
    }
    unchanged(name, kept, *expected_version)?;
    if kept.is_none() {
        return Err(Refusal::BuiltIn);
    }
    // No writes above this line, no refusals below it.
    turn.remove(&TEMPLATES, name);
    turn.remove(&SOURCES, name);
    Ok(DeletedTemplate { reset: built_in })
}
