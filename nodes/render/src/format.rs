//! Output formats of templates.

/// Output format of a template. Selects the escaping of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Pages and the HTML part of mails, and SVG.
    Html,
    /// The text part and the subject of mails.
    Text,
    /// Documents.
    Markdown,
}

impl Format {
    /// Determines the format by the suffix of a template's name: `.html` and `.svg`, `.txt`, `.md`.
    pub fn of_name(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "html" | "svg" => Some(Self::Html),
            "txt" => Some(Self::Text),
            "md" => Some(Self::Markdown),
            _ => None,
        }
    }
}
