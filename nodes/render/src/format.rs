//! The formats that templates are written in.

/// What a template becomes, which decides how values are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Pages and the HTML part of mails; SVG too.
    Html,
    /// The text part and the subject of mails.
    Text,
    /// Documents.
    Markdown,
}

impl Format {
    /// By a template's name: `.html` and `.svg`, `.txt`, `.md`.
    pub fn of_name(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "html" | "svg" => Some(Self::Html),
            "txt" => Some(Self::Text),
            "md" => Some(Self::Markdown),
            _ => None,
        }
    }
}
