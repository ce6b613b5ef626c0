//! From a quantized graph to algebraic constraints: field, plan, tables, AIR and witness columns.
//!
//! Prover and verifier share this crate; nothing here reads files or proves. The path of the data is
//! graph -> [`plan`] -> [`layout`] -> [`witness`] and [`lookup_columns`] (prover), [`joint`] (both) -> [`shard_air`].

pub mod algebra;
pub mod attention;
pub mod average;
pub mod coefficients;
pub mod constants;
pub mod constraints;
pub mod contraction;
pub mod division;
pub mod evaluation;
pub mod field;
pub mod float_sum;
pub mod forms;
pub mod geometry;
pub mod joint;
mod lane_cells;
pub mod layout;
mod lookup;
pub mod lookup_columns;
pub mod mask;
pub mod parallel;
pub mod parameter_air;
pub mod parameters;
pub mod pieces;
pub mod plan;
pub mod product;
pub mod rounding;
pub mod shard_air;
pub mod steps;
pub mod witness;
