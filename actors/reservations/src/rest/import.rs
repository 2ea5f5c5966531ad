//! Bulk import: lines of JSON in, a result for each line out.

use std::collections::BTreeSet;

use contracts::reservations::{Command, Reply};
use contracts::{HotelId, HotelProfile};
use edge::{ApiError, Problem, problem_types};
use futures::StreamExt as _;
use group::Call;
use poem_openapi::{Enum, Object};
use serde::Serialize;

use super::property::invalid;
use super::{Shared, unexpected};
use crate::import::hotel_of_json;

/// Lines of a request at most.
pub const LINES_MAX: usize = 200;
/// Bytes of a request at most.
pub const BYTES_MAX: usize = 1 << 20;
/// Hotels that are written at a time.
const AT_A_TIME: usize = 16;

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ImportStatus {
    /// There was no such property.
    Created,
    /// It was brought up to date.
    Updated,
    /// It was as described.
    Unchanged,
    /// It was left as it was; the problem says why.
    Failed,
}

/// A line's result.
#[derive(Debug, Clone, Object, Serialize)]
pub struct ImportResult {
    /// The line's number, from 1.
    pub line: u32,
    /// The property's reference, where the line could be read.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The property's id, where the line could be read.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property_id: Option<String>,
    /// What became of it.
    pub status: ImportStatus,
    /// Why it failed.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<ImportProblem>,
}

/// Why a line failed: as a request about it alone would have been told.
#[derive(Debug, Clone, Object, Serialize)]
pub struct ImportProblem {
    /// What kind of problem it is.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    pub kind: String,
    /// The same in few words.
    pub title: String,
    /// The HTTP status that it would have had.
    pub status: u16,
    /// About this line.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The fields that are wrong.
    pub errors: Vec<ImportFault>,
}

/// A field that is wrong.
#[derive(Debug, Clone, Object, Serialize)]
pub struct ImportFault {
    /// A JSON pointer into the line.
    pub pointer: String,
    /// What is wrong with it.
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

/// All lines' results.
#[derive(Debug, Clone, Object, Serialize)]
#[oai(rename = "ImportResults")]
pub struct Imported {
    /// Line by line, in order. Empty lines are left out.
    pub items: Vec<ImportResult>,
    /// How many were created.
    pub created: u32,
    /// How many were updated.
    pub updated: u32,
    /// How many were as described.
    pub unchanged: u32,
    /// How many failed.
    pub failed: u32,
}

pub(super) async fn import(shared: &Shared, call: &Call, text: &str) -> Result<Imported, ApiError> {
    let lines: Vec<_> = (1u32..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()).collect();
    if lines.len() > LINES_MAX {
        return Err(Problem::new(&problem_types::TOO_LARGE)
            .detail("A request takes at most 200 lines.")
            .into());
    }
    let mut seen = BTreeSet::new();
    let read: Vec<_> = lines.into_iter().map(|(number, line)| (number, read(line, &mut seen))).collect();
    let written = futures::stream::iter(read).map(|(line, hotel)| write(shared, call, line, hotel));
    let items: Vec<ImportResult> = written.buffered(AT_A_TIME).collect().await;
    let count =
        |status| u32::try_from(items.iter().filter(|item| item.status == status).count()).unwrap_or(u32::MAX);
    Ok(Imported {
        created: count(ImportStatus::Created),
        updated: count(ImportStatus::Updated),
        unchanged: count(ImportStatus::Unchanged),
        failed: count(ImportStatus::Failed),
        items,
    })
}

/// A line's hotel. The second line about one hotel fails: they are written at the same time, and which would win is chance.
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
            let result = match shared.command(call, Command::ImportHotels { hotels: vec![*hotel] }).await {
                Ok(Reply::Imported { created: 1, .. }) => (ImportStatus::Created, None),
                Ok(Reply::Imported { updated: 1, .. }) => (ImportStatus::Updated, None),
                Ok(Reply::Imported { .. }) => (ImportStatus::Unchanged, None),
                Ok(other @ (Reply::Done | Reply::Reservation(_) | Reply::ManagedHotel(_))) => {
                    failed(unexpected(&other))
                }
                Err(error) => failed(error),
            };
            (Some(reference), Some(id), result)
        }
    };
    ImportResult { line, reference, property_id, status, problem }
}
