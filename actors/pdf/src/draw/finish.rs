//! The last pass: writes the library's pages as a small, reproducible file.
//!
//! The library numbers objects in an order that varies between runs, does not compress, writes the current time,
//! and supports neither links nor text beyond Latin 1. So only its page contents are used: placeholders for other text are
//! replaced by outlines that can still be searched and copied, and everything else is written here: deflated,
//! numbered in a fixed order, with the document's own date. Text of users is in compressed contents or
//! hexadecimal strings, never in the file's structure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;

use super::fonts;
use super::head::Head;
use super::outline::hundredths;
use super::paint::STAND_IN;
use super::sheet::{Mark, Page};
use super::style::{PAGE_HEIGHT, PAGE_WIDTH};

type Result<T> = std::result::Result<T, &'static str>;

const ODD: &str = "the drawing library wrote something unexpected";

/// The finished file.
pub(super) fn file(painted: &[u8], pages: &[Page], head: &Head) -> Result<Vec<u8>> {
    let library = Library::read(painted)?;
    if library.pages.len() != pages.len() {
        return Err(ODD);
    }
    let fonts: BTreeSet<&str> =
        library.pages.iter().flat_map(|page| page.fonts.values()).map(String::as_str).collect();
    let fonts: Vec<&str> = fonts.into_iter().collect();
    let mut out = Out::new();
    // Object numbers: 1 catalogue, 2 pages, 3 information, then fonts, then two for each page: the page and its content.
    let first_font = 4;
    let first_page = first_font + fonts.len();
    let language =
        head.language.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(20).collect::<String>();
    let language = if language.is_empty() { "en".to_owned() } else { language };
    out.object(1, &format!("<< /Type /Catalog /Pages 2 0 R /Lang ({language}) /ViewerPreferences << /DisplayDocTitle true >> >>"));
    let kids: String = (0..pages.len()).map(|page| format!("{} 0 R ", first_page + 2 * page)).collect();
    out.object(2, &format!("<< /Type /Pages /Count {} /Kids [ {kids}] >>", pages.len()));
    out.object(3, &information(head));
    for (place, font) in fonts.iter().enumerate() {
        let font = format!("<< /Type /Font /Subtype /Type1 /BaseFont /{font} /Encoding /WinAnsiEncoding >>");
        out.object(first_font + place, &font);
    }
    for (place, (page, marks)) in library.pages.iter().zip(pages).enumerate() {
        let number = first_page + 2 * place;
        let mut names = String::new();
        for (name, font) in &page.fonts {
            let font = fonts.iter().position(|have| have == font).ok_or(ODD)?;
            write!(names, "/{name} {} 0 R ", first_font + font).map_err(|_| ODD)?;
        }
        let dictionary = format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [ 0 0 {PAGE_WIDTH} {PAGE_HEIGHT} ] /Resources << /Font << {names}>> >> \
             /Contents {} 0 R{} >>",
            number + 1,
            links(marks)
        );
        out.object(number, &dictionary);
        out.stream(number + 1, &with_outlines(page.content, marks)?)?;
    }
    Ok(out.finish())
}

/// The parts of the library's file that are used.
struct Library<'a> {
    pages: Vec<Painted<'a>>,
}

/// One page.
struct Painted<'a> {
    content: &'a [u8],
    /// Font names in the content, and their fonts.
    fonts: BTreeMap<String, String>,
}

impl<'a> Library<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        let tail = &bytes[bytes.len().saturating_sub(100)..];
        let start = find(tail, b"startxref\n").ok_or(ODD)?;
        let table: usize = first_line(&tail[start + 10..])?.parse().map_err(|_| ODD)?;
        let mut lines = bytes.get(table..).ok_or(ODD)?.split(|byte| *byte == b'\n').skip(1);
        let count = std::str::from_utf8(lines.next().ok_or(ODD)?).map_err(|_| ODD)?;
        let count: usize = count.split_once(' ').ok_or(ODD)?.1.trim().parse().map_err(|_| ODD)?;
        let mut starts = BTreeMap::new();
        for (number, line) in lines.take(count).enumerate().skip(1) {
            let offset = std::str::from_utf8(line.get(..10).ok_or(ODD)?).map_err(|_| ODD)?;
            starts.insert(offset.parse::<usize>().map_err(|_| ODD)?, number);
        }
        let ends: Vec<usize> = starts.keys().copied().skip(1).chain([table]).collect();
        let mut objects = BTreeMap::new();
        for ((start, number), end) in starts.iter().zip(ends) {
            objects.insert(*number, bytes.get(*start..end).ok_or(ODD)?);
        }
        let kids = text_of(&objects, 2)?;
        let kids = between(kids, "/Kids [ ", "]").ok_or(ODD)?;
        let pages = kids.split_whitespace().step_by(3).map(|number| {
            let page = text_of(&objects, number.parse().map_err(|_| ODD)?)?;
            Painted::read(page, &objects)
        });
        Ok(Self { pages: pages.collect::<Result<_>>()? })
    }
}

impl<'a> Painted<'a> {
    fn read(page: &str, objects: &BTreeMap<usize, &'a [u8]>) -> Result<Self> {
        let content = between(page, "/Contents ", " 0 R").ok_or(ODD)?.parse().map_err(|_| ODD)?;
        let content = *objects.get(&content).ok_or(ODD)?;
        let start = find(content, b"stream\n").ok_or(ODD)? + b"stream\n".len();
        let end = content.len().checked_sub(b"endstream\nendobj\n".len()).ok_or(ODD)?;
        let mut fonts = BTreeMap::new();
        let names: Vec<&str> = between(page, "/Font << ", ">>").ok_or(ODD)?.split_whitespace().collect();
        for name in names.chunks_exact(4) {
            let font = text_of(objects, name[1].parse().map_err(|_| ODD)?)?;
            let font = between(font, "/BaseFont /", " ").ok_or(ODD)?;
            fonts.insert(name[0].trim_start_matches('/').to_owned(), font.to_owned());
        }
        Ok(Self { content: content.get(start..end).ok_or(ODD)?, fonts })
    }
}

fn text_of<'a>(objects: &BTreeMap<usize, &'a [u8]>, number: usize) -> Result<&'a str> {
    std::str::from_utf8(objects.get(&number).ok_or(ODD)?).map_err(|_| ODD)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(inside, _)| inside)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn first_line(bytes: &[u8]) -> Result<&str> {
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(ODD)?;
    std::str::from_utf8(&bytes[..end]).map_err(|_| ODD)
}

/// The content with each stand-in (`BT … (\x81…) Tj ET`) replaced by the outlines that it stands for.
fn with_outlines(content: &[u8], marks: &Page) -> Result<Vec<u8>> {
    let mut outlined = marks.iter().filter(|mark| matches!(mark, Mark::Text { outlined: true, .. }));
    let stand_in = [b'(', STAND_IN as u8];
    let mut out = Vec::with_capacity(content.len());
    let mut text_begins = 0;
    let mut replaced = false;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        if line == b"BT\n" {
            text_begins = out.len();
        }
        if line.starts_with(&stand_in) {
            let text = out.split_off(text_begins);
            let font = text.split(|byte| *byte == b'\n').find(|line| line.ends_with(b" Tf")).ok_or(ODD)?;
            let font = std::str::from_utf8(font).map_err(|_| ODD)?;
            out.extend(outlines(font, outlined.next().ok_or(ODD)?)?.into_bytes());
            replaced = true;
        } else if !(std::mem::take(&mut replaced) && line == b"ET\n") {
            out.extend_from_slice(line);
        }
    }
    Ok(out)
}

/// Outlines, with an invisible letter of the same width that carries the real text for searching and copying.
fn outlines(resource: &str, mark: &Mark) -> Result<String> {
    let Mark::Text { x, y, width, text, font, size, .. } = mark else { return Err(ODD) };
    let (x, y) = (hundredths(*x), hundredths(PAGE_HEIGHT - y));
    let letter = fonts::width(super::style::Font::Regular, *size, "n", false);
    let stretch = hundredths(width / letter * 100.0).max(1.0);
    let paths = fonts::paths(*font, *size, x, y, text);
    let actual = hexadecimal(text);
    Ok(format!(
        "q\n/Span << /ActualText {actual} >> BDC\nBT\n{resource}\n{x} {y} Td\n3 Tr {stretch} Tz (n) Tj\nET\nEMC\nQ\n{paths}f\n"
    ))
}

/// The document properties that PDF readers display.
fn information(head: &Head) -> String {
    let mut entries = String::from("<< /Producer (Auberge)");
    for (name, value) in [("Title", &head.title), ("Author", &head.author), ("Subject", &head.subject)] {
        if !value.is_empty() {
            entries.push_str(&format!(" /{name} {}", hexadecimal(&super::parse::sanitised(value))));
        }
    }
    if let Ok(issued) = head.issued.parse::<jiff::Timestamp>() {
        let date = issued.strftime("D:%Y%m%d%H%M%SZ");
        entries.push_str(&format!(" /CreationDate ({date}) /ModDate ({date})"));
    }
    entries.push_str(" >>");
    entries
}

fn links(marks: &Page) -> String {
    let mut links = String::new();
    for mark in marks {
        if let Mark::Link { x, y, width, height, to } = mark {
            let (left, right) = (hundredths(*x), hundredths(x + width));
            let (bottom, top) = (hundredths(PAGE_HEIGHT - y - height), hundredths(PAGE_HEIGHT - y));
            let to: String = to.bytes().map(|byte| format!("{byte:02X}")).collect();
            links.push_str(&format!(
                "<< /Type /Annot /Subtype /Link /Rect [ {left} {bottom} {right} {top} ] /Border [ 0 0 0 ] \
                 /A << /S /URI /URI <{to}> >> >> "
            ));
        }
    }
    if links.is_empty() { links } else { format!(" /Annots [ {links}]") }
}

/// A text string in UTF-16, as hexadecimal digits.
fn hexadecimal(text: &str) -> String {
    let digits: String = text.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
    format!("<FEFF{digits}>")
}

/// A file and the offsets of its objects.
struct Out {
    bytes: Vec<u8>,
    starts: BTreeMap<usize, usize>,
}

impl Out {
    fn new() -> Self {
        Self { bytes: b"%PDF-1.7\n%\xB5\xED\xAE\xFB\n".to_vec(), starts: BTreeMap::new() }
    }

    fn object(&mut self, number: usize, value: &str) {
        self.starts.insert(number, self.bytes.len());
        self.bytes.extend(format!("{number} 0 obj\n{value}\nendobj\n").bytes());
    }

    fn stream(&mut self, number: usize, content: &[u8]) -> Result<()> {
        let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
        deflate.write_all(content).map_err(|_| ODD)?;
        let content = deflate.finish().map_err(|_| ODD)?;
        self.starts.insert(number, self.bytes.len());
        let head = format!("{number} 0 obj\n<< /Length {} /Filter /FlateDecode >>\nstream\n", content.len());
        self.bytes.extend(head.bytes());
        self.bytes.extend(content);
        self.bytes.extend(b"\nendstream\nendobj\n");
        Ok(())
    }

    fn finish(mut self) -> Vec<u8> {
        let id = format!("{:032X}", protocol::codec::hash128(&[&self.bytes]));
        let table = self.bytes.len();
        let size = self.starts.len() + 1;
        let mut tail = format!("xref\n0 {size}\n0000000000 65535 f \n");
        for start in self.starts.values() {
            tail.push_str(&format!("{start:010} 00000 n \n"));
        }
        tail.push_str(&format!(
            "trailer\n<< /Size {size} /Root 1 0 R /Info 3 0 R /ID [ <{id}> <{id}> ] >>\nstartxref\n{table}\n%%EOF\n"
        ));
        self.bytes.extend(tail.bytes());
        self.bytes
    }
}
