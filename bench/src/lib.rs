//! What the benches share, and the parts of the report generator.
//!
//! Two kinds of figures, kept apart. [`counts`] are facts of a plan: the same on every machine, held by a test.
//! [`measure`], [`committed`] and [`peers`] take times and memory, each in a process of its own. [`report`] writes
//! both down, with [`svg`] figures.

pub mod committed;
pub mod counts;
pub mod error;
pub mod ezkl;
pub mod figures;
pub mod grinding;
pub mod growth;
pub mod machine;
pub mod measure;
pub mod models;
pub mod peers;
pub mod report;
pub mod suite;
pub mod svg;
