//! temporary
pub mod cities;
