//! What a model computes, and what proving it for one sample takes.

use std::sync::Arc;

use serde_json::{Value, json};
use winterforge_air::layout::{Kind, LookupTable};
use winterforge_air::plan::{PLAN_VERSION, Shard};
use winterforge_model::{
    Graph, InputBoundary, OutputBoundary, SEMANTICS_VERSION, Tensor, TensorId,
};
use winterforge_verifier::bundle::Parameters;
use winterforge_verifier::instance::Instance;

use super::shape;
use crate::error::one_line;
use crate::operators::{macs, parameters};
use crate::output::{aligned, grouped};

pub(super) struct Model {
    graph: Arc<Graph>,
    /// For one sample and the default parameters, or why there is none.
    instance: Result<Instance, String>,
}

/// One operator, in numbers.
struct Operator<'a> {
    name: &'a str,
    kind: &'static str,
    inputs: Vec<&'a [usize]>,
    output: &'a [usize],
    parameters: u64,
    macs: u64,
}

/// An end of the model.
struct End<'a> {
    /// What is passed in or returned.
    kind: &'static str,
    /// Its shape for one sample.
    shape: &'a [usize],
    /// The 8-bit tensor inside.
    tensor: &'a Tensor,
}

impl Model {
    pub(super) fn new(graph: Graph) -> Self {
        let graph = Arc::new(graph);
        let instance = Instance::new(graph.clone(), 1, Parameters::default())
            .map_err(|error| error.to_string());
        Self { graph, instance }
    }

    fn operators(&self) -> impl Iterator<Item = Operator<'_>> {
        let shape = |&tensor: &TensorId| self.graph.tensor(tensor).shape.as_slice();
        self.graph.nodes.iter().map(move |node| Operator {
            name: &node.name,
            kind: node.op.name(),
            inputs: node.inputs.iter().map(shape).collect(),
            output: shape(&node.output),
            parameters: parameters(&node.op),
            macs: macs(&self.graph, node),
        })
    }

    /// Input and output.
    fn ends(&self) -> [End<'_>; 2] {
        let graph = &self.graph;
        let output = graph.tensor(graph.output);
        let input = End {
            kind: match graph.input_boundary {
                InputBoundary::Float => "float32",
                InputBoundary::Quantized => "quantized",
                InputBoundary::Tokens(_) => "tokens",
            },
            shape: graph.input_shape(),
            tensor: graph.tensor(graph.input),
        };
        let output = End {
            kind: match graph.output_boundary {
                OutputBoundary::Float => "float32",
                OutputBoundary::Quantized => "quantized",
            },
            shape: &output.shape,
            tensor: output,
        };
        [input, output]
    }

    fn parameters(&self) -> u64 {
        self.operators().map(|operator| operator.parameters).sum()
    }

    fn macs(&self) -> u64 {
        self.operators().map(|operator| operator.macs).sum()
    }

    pub(super) fn json(&self) -> Value {
        let operators: Vec<Value> = self
            .operators()
            .map(|operator| {
                json!({
                    "name": operator.name, "kind": operator.kind, "input_shapes": operator.inputs,
                    "output_shape": operator.output, "parameters": operator.parameters, "macs": operator.macs,
                })
            })
            .collect();
        let end = |end: End<'_>| {
            let quantization = end.tensor.quantization;
            json!({
                "shape": end.shape, "type": end.kind, "quantized_type": quantization.qtype.to_string(),
                "scale": quantization.scale, "zero_point": quantization.zero_point,
            })
        };
        let [input, output] = self.ends().map(end);
        let mut report = json!({
            "kind": "model",
            "id": self.graph.id().to_string(),
            "semantics_version": SEMANTICS_VERSION,
            "input": input,
            "output": output,
            "vocabulary": self.graph.vocabulary(),
            "operators": operators,
            "parameters": self.parameters(),
            "macs": self.macs(),
            "provable": self.instance.is_ok(),
        });
        let details = match &self.instance {
            Ok(instance) => plan_json(instance),
            Err(reason) => json!({ "unprovable": reason }),
        };
        if let (Value::Object(report), Value::Object(details)) = (&mut report, details) {
            report.extend(details);
        }
        report
    }

    pub(super) fn text(&self) -> String {
        let [input, output] = self.ends().map(|end| {
            let End {
                kind,
                shape: sizes,
                tensor,
            } = end;
            format!("{kind} {}, inside {}", shape(sizes), tensor.quantization)
        });
        let input = match self.graph.vocabulary() {
            Some(count) => format!("{input}, {} different tokens", grouped(count as u64)),
            None => input,
        };
        let mut rows = vec![
            ("model", self.graph.id().to_string()),
            ("input", input),
            ("output", output),
            (
                "size",
                format!(
                    "{} parameters, {} MACs",
                    grouped(self.parameters()),
                    grouped(self.macs())
                ),
            ),
        ];
        rows.extend(self.operator_rows());
        match &self.instance {
            Ok(instance) => rows.extend(plan_rows(instance)),
            Err(reason) => rows.push(("no proof", one_line(reason))),
        }
        aligned(&rows)
    }

    /// A line for each operator: shapes, parameters, MACs and name, each in a column of its own.
    fn operator_rows(&self) -> Vec<(&'static str, String)> {
        let cells: Vec<_> = self
            .operators()
            .map(|operator| {
                let inputs: Vec<String> =
                    operator.inputs.iter().map(|sizes| shape(sizes)).collect();
                let size = |count: u64, unit: &str| match count {
                    0 => String::new(),
                    count => format!("{} {unit}", grouped(count)),
                };
                (
                    operator.kind,
                    format!("{} -> {}", inputs.join(", "), shape(operator.output)),
                    size(operator.parameters, "parameters"),
                    size(operator.macs, "MACs"),
                    one_line(operator.name),
                )
            })
            .collect();
        let shapes = cells.iter().map(|row| row.1.len()).max().unwrap_or(0);
        let parameters = cells.iter().map(|row| row.2.len()).max().unwrap_or(0);
        let macs = cells.iter().map(|row| row.3.len()).max().unwrap_or(0);
        let line = |(kind, shape, size, work, name)| {
            let text = format!("{shape:shapes$}  {size:>parameters$}  {work:>macs$}  {name}");
            (kind, text)
        };
        cells.into_iter().map(line).collect()
    }
}

/// Channels whose rounding is a straight line, and those that need the two-rounding window.
fn channel_counts(instance: &Instance) -> (usize, usize) {
    let channels = |kind| instance.plan.channels_of(kind);
    (channels(Kind::Line), channels(Kind::Window))
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Line => "line",
        Kind::Window => "window",
        Kind::Max => "max",
        Kind::Map => "map",
        Kind::Step => "step",
        Kind::Product => "product",
        Kind::FloatSum => "float sum",
        Kind::Divide => "divide",
        Kind::Root => "root",
        Kind::Contraction => "matrix product",
    }
}

fn lookup_table_name(table: LookupTable) -> &'static str {
    match table {
        LookupTable::Byte => "byte",
        LookupTable::Word => "word",
        LookupTable::Window => "window",
        LookupTable::Map => "map",
        LookupTable::Steps => "steps",
        LookupTable::Binade => "binade",
    }
}

fn shard_json(shard: &Shard) -> Value {
    let layout = &shard.layout;
    let tables: Vec<Value> = (layout.tables.iter())
        .map(|table| {
            json!({
                "kind": kind_name(table.kind), "lanes": table.lanes, "lane_width": table.lane_width,
                "rows": shard.rows(table.kind).len(),
            })
        })
        .collect();
    let lookup_tables: Vec<Value> = (layout.lookup_tables.iter())
        .map(
            |&table| json!({ "kind": lookup_table_name(table), "rows": layout.lookup_rows(table) }),
        )
        .collect();
    json!({
        "rows": layout.rows(), "main_width": layout.main_width(), "aux_width": layout.aux_width(),
        "tables": tables, "lookup_tables": lookup_tables,
    })
}

fn plan_json(instance: &Instance) -> Value {
    let plan = &instance.plan;
    let (lines, windows) = channel_counts(instance);
    let cells = plan.cells();
    let shards: Vec<Value> = plan.shards.iter().map(shard_json).collect();
    json!({
        "equations": plan.equations,
        "channels": { "line": lines, "window": windows },
        "plan": {
            "version": PLAN_VERSION, "batch": 1, "max_log_rows": plan.parameters.max_log_rows, "shards": shards,
            "cells": { "main": cells.main, "aux": cells.aux, "padding": cells.padding },
            "blowup": instance.options.blowup_factor(), "queries": instance.options.num_queries(),
        },
        "proven_bits": instance.ledger.bits(),
    })
}

fn plan_rows(instance: &Instance) -> Vec<(&'static str, String)> {
    let plan = &instance.plan;
    let (lines, windows) = channel_counts(instance);
    let mut rows = vec![
        ("equations", format!("{} a sample", grouped(plan.equations))),
        (
            "channels",
            format!("{lines} by a line, {windows} by a window"),
        ),
    ];
    for shard in &plan.shards {
        let layout = &shard.layout;
        let (main, aux) = (layout.main_width(), layout.aux_width());
        rows.push((
            "shard",
            format!(
                "{} rows, {main} main and {aux} auxiliary columns, for one sample",
                grouped(layout.rows() as u64)
            ),
        ));
        rows.extend(layout.tables.iter().map(|table| {
            let used = shard.rows(table.kind).len() as u64;
            (
                "",
                format!(
                    "{} table: {} rows, {} lanes of {} columns",
                    kind_name(table.kind),
                    grouped(used),
                    table.lanes,
                    table.lane_width
                ),
            )
        }));
    }
    let (blowup, queries) = (
        instance.options.blowup_factor(),
        instance.options.num_queries(),
    );
    rows.push((
        "security",
        format!(
            "{} proven bits: blowup {blowup}, {queries} queries",
            instance.ledger.bits()
        ),
    ));
    rows
}
