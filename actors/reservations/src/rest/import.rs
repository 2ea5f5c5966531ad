//! Bulk import: each line of the request is a hotel as JSON, and gets a result of its own.

use std::collections::BTreeSet;

use contracts::reservations::{ImportHotels, Imported};
use contracts::{HotelId, HotelProfile};
use edge::{ApiError, Problem, problem_types};
use futures::StreamExt as _;
use group::Call;
use poem_openapi::{Enum, Object};
use serde::Serialize;

use super::Shared;
use super::hotel::invalid;
use crate::import::hotel_of_json;

/// The most lines of a request.
const LINES_MAX: usize = 200;
/// The longest request, in bytes.
pub(super) const BYTES_MAX: usize = 1 << 20;
/// How many hotels are written concurrently.
const CONCURRENCY: usize = 16;

/// The outcome of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    Created,
    Updated,
    Unchanged,
    /// See the problem.
    Failed,
}

/// The result of a line.
#[derive(Debug, Clone, Object, Serialize)]
pub struct ImportResult {
    /// The line's number, from 1.
    pub line: u32,
    /// The property's reference, if the line could be read.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The property's id, if the line could be read.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property_id: Option<String>,
    /// The outcome.
    pub status: ImportStatus,
    /// Why it failed.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ImportProblem>,
}

/// Why a line failed: the problem that a request for this line alone would have returned.
#[derive(Debug, Clone, Object, Serialize)]
pub struct ImportProblem {
    /// The type of problem, as a relative URI.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    pub kind: String,
    /// The type of problem in few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What this occurrence is about.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The invalid fields.
    pub errors: Vec<ImportFault>,
}

/// An invalid field.
#[derive(Debug, Clone, Object, Serialize)]
pub struct ImportFault {
    /// A JSON pointer into the line.
    pub pointer: String,
    /// Why the value is invalid.
    pub detail: String,
}

impl From<Problem> for ImportProblem {
    fn from(problem: Problem) -> Self {
        let fault = |error: &edge::FieldError| ImportFault {
            pointer: error.pointer.clone(),
            detail: error.detail.clone(),
        };
        Self {
            kind: format!("/problems/{}", problem.kind().slug),
            title: problem.kind().title.to_owned(),
            status: problem.status().as_u16(),
            detail: problem.detail_text().map(str::to_owned),
            errors: problem.errors().iter().map(fault).collect(),
        }
    }
}

/// The results of all lines.
#[derive(Debug, Clone, Object, Serialize)]
pub struct ImportResults {
    /// In the order of the lines, without empty ones.
    pub items: Vec<ImportResult>,
    /// How many properties were created.
    pub created: u32,
    /// How many properties were updated.
    pub updated: u32,
    /// How many properties were already as described.
    pub unchanged: u32,
    /// How many lines failed.
    pub failed: u32,
}

pub(super) async fn import(shared: &Shared, call: &Call, text: &str) -> Result<ImportResults, ApiError> {
    let lines: Vec<_> = (1u32..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).collect();
    if lines.len() > LINES_MAX {
        return Err(Problem::new(&problem_types::TOO_LARGE)
            .detail("A request takes at most 200 lines.")
            .into());
    }
    let mut seen = BTreeSet::new();
    let read: Vec<_> = lines.into_iter().map(|(number, line)| (number, read(line, &mut seen))).collect();
    let written = futures::stream::iter(read).map(|(line, hotel)| write(shared, call, line, hotel));
    let items: Vec<ImportResult> = written.buffered(CONCURRENCY).collect().await;
    let count =
        |status| u32::try_from(items.iter().filter(|item| item.status == status).count()).unwrap_or(u32::MAX);
    Ok(ImportResults {
        created: count(ImportStatus::Created),
        updated: count(ImportStatus::Updated),
        unchanged: count(ImportStatus::Unchanged),
        failed: count(ImportStatus::Failed),
        items,
    })
}

/// Reads a line. The second line about the same hotel fails, because lines are written concurrently and the order would be
/// undefined.
fn read(line: &str, seen: &mut BTreeSet<HotelId>) -> Result<Box<HotelProfile>, ApiError> {
    let hotel = hotel_of_json(line.trim()).map_err(invalid)?;
    if seen.insert(hotel.id) {
        Ok(Box::new(hotel))
    } else {
        Err(ApiError::unprocessable("/reference", "a line above has the same reference"))
    }
}

async fn write(
    shared: &Shared,
    call: &Call,
    line: u32,
    hotel: Result<Box<HotelProfile>, ApiError>,
) -> ImportResult {
    let failed = |error: ApiError| (ImportStatus::Failed, Some(ImportProblem::from(Problem::from(error))));
    let (reference, property_id, (status, problem)) = match hotel {
        Err(error) => (None, None, failed(error)),
        Ok(hotel) => {
            let (reference, id) = (hotel.reference.clone(), hotel.id.to_string());
            let result = match shared.call(call, ImportHotels { hotels: vec![*hotel] }).await {
                Ok(Imported { created: 1, .. }) => (ImportStatus::Created, None),
                Ok(Imported { updated: 1, .. }) => (ImportStatus::Updated, None),
                Ok(_) => (ImportStatus::Unchanged, None),
                Err(error) => failed(error),
            };
            (Some(reference), Some(id), result)
        }
    };
    ImportResult { line, reference, property_id, status, problem }
}
