//! Renders a document from a template and its data.

use contracts::pdf::{DATA_BYTES_MAX, PAGES_MAX, Refusal, SOURCE_BYTES_MAX};
use render::untrusted::check_untrusted;
use render::{Format, Limits, RenderError, RenderErrorKind, render_untrusted};

use crate::draw::{self, DrawError};

const LIMITS: Limits = Limits {
    source_bytes_max: SOURCE_BYTES_MAX,
    output_bytes_max: 1 << 20,
    fuel: 400_000,
    work_bytes_max: 4 << 20,
};

/// What a document is rendered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be sent and kept.
    Document,
    /// To look at a template: each page is marked as a preview, whatever the data is.
    Preview,
}

/// The mark across the top of each page of a preview.
const PREVIEW_BANNER: &str = "PREVIEW – not a valid document";

/// Renders a PDF file. The same source and data give the same bytes.
///
/// # Errors
/// What is wrong with the data or the template, and where; or which limit was reached.
pub fn document(source: &str, data_json: &str, purpose: Purpose) -> Result<Vec<u8>, Refusal> {
    if data_json.len() > DATA_BYTES_MAX {
        return Err(Refusal::TooLarge(format!("the data is longer than {DATA_BYTES_MAX} bytes")));
    }
    let data: serde_json::Value = serde_json::from_str(data_json).map_err(|error| {
        // The parser's message could repeat the data.
        Refusal::BadData(format!("no JSON at line {}, column {}", error.line(), error.column()))
    })?;
    if !data.is_object() {
        return Err(Refusal::BadData("not a JSON object".to_owned()));
    }
    let markdown = render_untrusted(Format::Markdown, source, &data, LIMITS).map_err(refusal)?;
    let banner = (purpose == Purpose::Preview).then_some(PREVIEW_BANNER);
    draw::document(&markdown, banner, PAGES_MAX).map_err(|error| match error {
        DrawError::TooManyPages(_)
        | DrawError::TooDeep
        | DrawError::TooManyColumns(_)
        | DrawError::Machine(_) => Refusal::TooLarge(error.to_string()),
        DrawError::Qr | DrawError::Head { .. } => {
            Refusal::BadTemplate { line: None, reason: error.to_string() }
        }
    })
}

/// Checks a template before it is stored.
///
/// # Errors
/// What is wrong with it, and where.
pub(crate) fn check(source: &str) -> Result<(), Refusal> {
    check_untrusted(source, LIMITS).map_err(refusal)
}

fn refusal(error: RenderError) -> Refusal {
    let RenderError { kind, line, reason, .. } = error;
    match kind {
        RenderErrorKind::Template | RenderErrorKind::NotFound => Refusal::BadTemplate { line, reason },
        RenderErrorKind::Data => Refusal::DataMismatch { line, reason },
        RenderErrorKind::LimitExceeded => Refusal::TooLarge(reason),
    }
}
