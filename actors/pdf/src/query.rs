//! Queries of templates.

use std::collections::BTreeMap;

use contracts::pdf::{ListTemplates, Refusal, Summary, Template, TemplatePage};
use group::View;

use crate::builtin;
use crate::state::{SOURCES, TEMPLATES, summary};

/// The most templates on one page.
const PAGE_MAX: u16 = 101;

/// The templates after a name, including built-in ones.
pub(crate) fn list(view: &View<'_>, request: &ListTemplates) -> TemplatePage {
    let limit = usize::from(request.limit.clamp(1, PAGE_MAX));
    let after = request.after.as_deref();
    let mut all: BTreeMap<String, Summary> =
        builtin::TEMPLATES.iter().map(|(name, _)| ((*name).to_owned(), summary(name, None))).collect();
    for (name, kept) in view.all(&TEMPLATES) {
        let summary = summary(&name, Some(kept));
        all.insert(name, summary);
    }
    let mut rest =
        all.into_values().filter(|template| after.is_none_or(|after| template.name.as_str() > after));
    let items: Vec<Summary> = rest.by_ref().take(limit).collect();
    let next = rest.next().and(items.last()).map(|last| last.name.clone());
    TemplatePage { items, next }
}

/// One template: the stored one, otherwise the built-in one.
pub(crate) fn get(view: &View<'_>, name: &str) -> Result<Template, Refusal> {
    let name = name.to_owned();
    if let (Some(kept), Some(source)) = (view.get(&TEMPLATES, &name), view.get(&SOURCES, &name)) {
        return Ok(Template { summary: summary(&name, Some(kept)), source });
    }
    let source = builtin::source(&name).ok_or(Refusal::NoTemplate)?;
    Ok(Template { summary: summary(&name, None), source: source.to_owned() })
}
