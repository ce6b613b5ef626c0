//! What `inspect` says of a key.

use serde::Serialize;
use winterforge_verifier::instance::ParameterShard;
use winterforge_verifier::key::Key;

use super::shape;
use crate::output::{aligned, bytes};

/// A key, as it describes itself.
#[derive(Serialize)]
pub(super) struct KeyReport {
    kind: &'static str,
    /// The key's digest.
    id: String,
    model_id: String,
    key_bytes: usize,
    security_level: u32,
    hash: &'static str,
    operators: usize,
    input_shape: Vec<usize>,
    output_shape: Vec<usize>,
    parameter_rows: Option<usize>,
    parameter_columns: Option<usize>,
    root: String,
}

impl KeyReport {
    pub(super) fn new(key: &Key, id: String, key_bytes: usize) -> Self {
        let graph = &key.skeleton;
        let layout = ParameterShard::new(graph, key.parameters)
            .ok()
            .map(|shard| shard.layout);
        Self {
            kind: "key",
            id,
            model_id: key.model_id.to_string(),
            key_bytes,
            security_level: key.parameters.level.bits(),
            hash: key.parameters.hash.name(),
            operators: graph.nodes.len(),
            input_shape: graph.input_shape().to_vec(),
            output_shape: graph.tensor(graph.output).shape.clone(),
            parameter_rows: layout.as_ref().map(|layout| layout.rows()),
            parameter_columns: layout.as_ref().map(|layout| layout.width),
            root: key.root.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    pub(super) fn text(&self) -> String {
        let trace = match (self.parameter_rows, self.parameter_columns) {
            (Some(rows), Some(columns)) => format!("{rows} rows of {columns}"),
            _ => "none that holds them".to_owned(),
        };
        aligned(&[
            ("key", self.id.clone()),
            ("model", self.model_id.clone()),
            ("size", bytes(self.key_bytes as u64)),
            (
                "security",
                format!("{} bits, hash {}", self.security_level, self.hash),
            ),
            ("operators", self.operators.to_string()),
            (
                "shapes",
                format!(
                    "{} -> {}",
                    shape(&self.input_shape),
                    shape(&self.output_shape)
                ),
            ),
            ("parameters", trace),
            ("root", self.root.clone()),
        ])
    }
}
