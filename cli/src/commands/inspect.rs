//! `inspect`: what a model or a bundle is.

use std::sync::Arc;

use serde_json::{Value, json};
use winterforge_air::plan::PLAN_VERSION;
use winterforge_air::rounding::Rounding;
use winterforge_model::{Boundary, Graph, Op, SEMANTICS_VERSION, TensorId, import};
use winterforge_verifier::bundle::{
    FORMAT_VERSION, HashId, Header, MAGIC, PROTOCOL_VERSION, Parameters, PublicTensor, Values,
};
use winterforge_verifier::instance::Instance;
use winterforge_verifier::security::Profile;

use super::{output_rows, samples_q};
use crate::Outcome;
use crate::args::InspectArguments;
use crate::error::CliError;
use crate::files::read;
use crate::output::{Output, aligned, bytes, grouped};

pub(crate) fn run(arguments: &InspectArguments, output: &Output) -> Result<Outcome, CliError> {
    let contents = read(&arguments.file)?;
    let file = arguments.file.display().to_string();
    if contents.starts_with(&MAGIC) {
        let (header, header_bytes) = Header::decode(&contents).map_err(|error| {
            CliError::input(format!("{file}: {error}"))
                .hint("the file is damaged or of another release")
        })?;
        let report = Bundle {
            header: &header,
            header_bytes,
            contents: &contents,
        };
        output.result(&report.json(), || report.text())?;
    } else {
        let graph = import(&contents, &file).map_err(|error| {
            CliError::input(&error)
                .hint("`winterforge inspect` knows int8 models (.onnx) and bundles (.wfp)")
        })?;
        let report = Model::new(graph);
        output.result(&report.json(), || report.text())?;
    }
    Ok(Outcome::Done)
}

struct Model {
    graph: Arc<Graph>,
    /// For one sample and the default parameters, or why there is none.
    instance: Result<Instance, String>,
}

/// One operator, in numbers.
struct Operator<'a> {
    name: &'a str,
    kind: &'static str,
    input: &'a [usize],
    output: &'a [usize],
    parameters: u64,
    macs: u64,
}

impl Model {
    fn new(graph: Graph) -> Self {
        let graph = Arc::new(graph);
        let instance = Instance::new(graph.clone(), 1, Parameters::default())
            .map_err(|error| error.to_string());
        Self { graph, instance }
    }

    fn operators(&self) -> impl Iterator<Item = Operator<'_>> {
        self.graph.nodes.iter().map(|node| {
            let output = self.graph.tensor(node.output);
            let (kind, parameters, macs) = match &node.op {
                Op::Linear(linear) => (
                    "linear",
                    linear.weights.len() + linear.bias.len(),
                    output.len() / linear.out_features * linear.weights.len(),
                ),
                Op::View => ("view", 0, 0),
            };
            Operator {
                name: &node.name,
                kind,
                input: &self.graph.tensor(node.inputs[0]).shape,
                output: &output.shape,
                parameters: parameters as u64,
                macs: macs as u64,
            }
        })
    }

    fn parameters(&self) -> u64 {
        self.operators().map(|operator| operator.parameters).sum()
    }

    fn macs(&self) -> u64 {
        self.operators().map(|operator| operator.macs).sum()
    }

    fn json(&self) -> Value {
        let operators: Vec<Value> = self
            .operators()
            .map(|operator| {
                json!({
                    "name": operator.name, "kind": operator.kind, "input_shape": operator.input,
                    "output_shape": operator.output, "parameters": operator.parameters, "macs": operator.macs,
                })
            })
            .collect();
        let end = |tensor: TensorId, boundary: Boundary| {
            let tensor = self.graph.tensor(tensor);
            json!({
                "shape": tensor.shape, "type": boundary_name(boundary), "quantized_type": tensor.quantization.qtype.to_string(),
                "scale": tensor.quantization.scale, "zero_point": tensor.quantization.zero_point,
            })
        };
        let mut report = json!({
            "kind": "model",
            "id": self.graph.id().to_string(),
            "semantics_version": SEMANTICS_VERSION,
            "input": end(self.graph.input, self.graph.input_boundary),
            "output": end(self.graph.output, self.graph.output_boundary),
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

    fn text(&self) -> String {
        let end = |tensor: TensorId, boundary: Boundary| {
            let tensor = self.graph.tensor(tensor);
            format!(
                "{} {}, inside {}",
                boundary_name(boundary),
                shape(&tensor.shape),
                tensor.quantization
            )
        };
        let mut rows = vec![
            ("model", self.graph.id().to_string()),
            ("input", end(self.graph.input, self.graph.input_boundary)),
            ("output", end(self.graph.output, self.graph.output_boundary)),
            (
                "size",
                format!(
                    "{} parameters, {} MACs",
                    grouped(self.parameters()),
                    grouped(self.macs())
                ),
            ),
        ];
        rows.extend(self.operators().map(|operator| {
            let Operator {
                name,
                kind,
                input,
                output,
                ..
            } = operator;
            let name: String = name
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            (
                kind,
                format!("{} -> {}  {name}", shape(input), shape(output)),
            )
        }));
        match &self.instance {
            Ok(instance) => rows.extend(plan_rows(instance)),
            Err(reason) => rows.push(("no proof", reason.clone())),
        }
        aligned(&rows)
    }
}

/// Channels whose rounding is a straight line, and those that need the two-rounding window.
fn channel_counts(instance: &Instance) -> (usize, usize) {
    let channels = instance.plan.channels.iter().flatten();
    let is_line = |rounding: &Rounding| matches!(rounding, Rounding::Line { .. });
    let (lines, windows): (Vec<_>, Vec<_>) =
        channels.partition(|channel| is_line(&channel.rounding));
    (lines.len(), windows.len())
}

fn plan_json(instance: &Instance) -> Value {
    let plan = &instance.plan;
    let (lines, windows) = channel_counts(instance);
    let cells = plan.cells();
    let shards: Vec<Value> = (plan.shards.iter())
        .map(|shard| {
            let layout = &shard.layout;
            json!({
                "rows": layout.rows(), "main_width": layout.main_width(), "aux_width": layout.aux_width(),
                "line_lanes": layout.line_lanes, "window_lanes": layout.window_lanes,
                "line_rows": shard.line_rows.len(), "window_rows": shard.window_rows.len(),
            })
        })
        .collect();
    json!({
        "equations": plan.equations_per_sample,
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
        (
            "equations",
            format!("{} a sample", grouped(plan.equations_per_sample)),
        ),
        (
            "channels",
            format!("{lines} by a line, {windows} by a window"),
        ),
    ];
    rows.extend(plan.shards.iter().map(|shard| {
        let layout = &shard.layout;
        let (main, aux) = (layout.main_width(), layout.aux_width());
        (
            "shard",
            format!(
                "{} rows, {main} main and {aux} auxiliary columns, for one sample",
                grouped(layout.rows() as u64)
            ),
        )
    }));
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

struct Bundle<'a> {
    header: &'a Header,
    header_bytes: usize,
    contents: &'a [u8],
}

impl Bundle<'_> {
    /// The digest of the file.
    fn id(&self) -> String {
        blake3::hash(self.contents).to_string()
    }

    fn json(&self) -> Value {
        let Parameters {
            level,
            profile,
            hash,
            plan,
        } = self.header.parameters;
        let tensor =
            |tensor: &PublicTensor| json!({ "shape": tensor.shape, "type": type_name(tensor) });
        json!({
            "kind": "bundle",
            "id": self.id(),
            "model_id": self.header.model_id.to_string(),
            "versions": {
                "format": FORMAT_VERSION, "protocol": PROTOCOL_VERSION,
                "semantics": SEMANTICS_VERSION, "plan": PLAN_VERSION,
            },
            "batch": self.header.batch(),
            "input": tensor(&self.header.input),
            "output": tensor(&self.header.output),
            "outputs_q": samples_q(&self.header.output),
            "security": level.bits(),
            "profile": profile_name(profile),
            "hash": hash_name(hash),
            "max_log_rows": plan.max_log_rows,
            "shards": self.header.shards,
            "bytes": { "total": self.contents.len(), "header": self.header_bytes, "proof": self.contents.len() - self.header_bytes },
            "verified": false,
        })
    }

    fn text(&self) -> String {
        let header = self.header;
        let Parameters {
            level,
            profile,
            hash,
            ..
        } = header.parameters;
        let tensor =
            |tensor: &PublicTensor| format!("{} {}", type_name(tensor), shape(&tensor.shape));
        let size = |count: usize| bytes(count as u64);
        let proof_bytes = self.contents.len() - self.header_bytes;
        let mut rows = vec![
            ("bundle", self.id()),
            ("about model", header.model_id.to_string()),
            ("samples", header.batch().to_string()),
            ("input", tensor(&header.input)),
            ("outputs", tensor(&header.output)),
        ];
        rows.extend(output_rows(&samples_q(&header.output)));
        rows.extend([
            ("security", format!("level {}, profile {}, hash {}", level.bits(), profile_name(profile), hash_name(hash))),
            (
                "versions",
                format!("format {FORMAT_VERSION}, protocol {PROTOCOL_VERSION}, semantics {SEMANTICS_VERSION}, plan {PLAN_VERSION}"),
            ),
            ("shards", header.shards.to_string()),
            ("size", format!("{}: header {}, proof {}", size(self.contents.len()), size(self.header_bytes), size(proof_bytes))),
            ("", "as the bundle says: nothing of this was verified".to_owned()),
        ]);
        aligned(&rows)
    }
}

fn shape(sizes: &[usize]) -> String {
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    format!("[{}]", sizes.join(", "))
}

fn boundary_name(boundary: Boundary) -> &'static str {
    match boundary {
        Boundary::Float => "float32",
        Boundary::Quantized => "quantized",
    }
}

fn type_name(tensor: &PublicTensor) -> String {
    match tensor.values {
        Values::Float(_) => "float32".to_owned(),
        Values::Quantized(qtype, _) => qtype.to_string(),
    }
}

fn profile_name(profile: Profile) -> &'static str {
    match profile {
        Profile::Fast => "fast",
        Profile::Balanced => "balanced",
        Profile::Small => "small",
    }
}

fn hash_name(hash: HashId) -> &'static str {
    match hash {
        HashId::Blake3 => "blake3",
    }
}
