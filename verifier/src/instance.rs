//! What prover and verifier agree on before the first commitment: plan, options, geometry, security.

use std::sync::Arc;

use winter_air::{Air, FieldExtension, ProofOptions, TraceInfo};
use winter_math::FieldElement;
use winterforge_air::evaluation::claimed_columns;
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::PublicCodes;
use winterforge_air::mask::Mask;
use winterforge_air::parameter_air::{self, ParameterAir, ParameterInputs};
use winterforge_air::parameters::ParameterLayout;
use winterforge_air::plan::{self, Plan, PlanError};
use winterforge_air::shard_air::{ShardAir, ShardInputs, trace_info};
use winterforge_model::{Graph, InputBoundary};

use crate::bundle::{Header, Parameters, PublicTensor, Values};
use crate::key::Key;
use crate::security::{
    COLLISION_BITS, Coupling, JointParameters, Ledger, SecurityError, ShardParameters, account,
    proof_options, proof_options_for,
};

/// A compiled proof: the same on both sides for the same model, batch size and parameters.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Tables and shards.
    pub plan: Plan,
    /// winterfell's options, the same for every shard.
    pub options: ProofOptions,
    /// Geometry of each shard of the computation.
    pub trace_infos: Vec<TraceInfo>,
    /// The trace of parameters, in committed mode.
    pub parameters: Option<ParameterShard>,
    /// The proven security of exactly this proof.
    pub ledger: Ledger,
}

/// The trace of a committed model's parameters.
#[derive(Clone, Debug)]
pub struct ParameterShard {
    /// Where the parameters stand.
    pub layout: Arc<ParameterLayout>,
    /// Geometry.
    pub trace_info: TraceInfo,
}

impl ParameterShard {
    /// The trace of parameters of a model or its skeleton.
    ///
    /// # Errors
    /// [`InstanceError::Parameters`] if no trace holds them.
    pub fn new(graph: &Graph, parameters: Parameters) -> Result<Self, InstanceError> {
        let layout = ParameterLayout::choose(graph, parameters.plan.max_log_rows)
            .ok_or(InstanceError::Parameters)?;
        let trace_info = parameter_air::trace_info(&layout);
        let layout = Arc::new(layout);
        Ok(Self { layout, trace_info })
    }

    /// Inputs that fix the geometry alone.
    fn inputs(&self) -> ParameterInputs {
        ParameterInputs {
            layout: self.layout.clone(),
            seed: [0; 32],
            claim: Cube::ZERO,
            evaluation: Arc::default(),
            kinds: Arc::default(),
            columns: Arc::default(),
            mask: Mask::default(),
        }
    }
}

/// Why a model, batch size and parameters have no proof.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// The graph has no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// No options reach the level.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// The parameters of the model fit no trace.
    #[error("the model has too many parameters to commit to; prove it without a key")]
    Parameters,
    /// A trace has fewer points than there are queries, which must differ.
    #[error(
        "{queries} queries are needed for so many shards, and the shortest trace has {points} points; prove fewer samples at \
         once, in longer traces, or by another profile"
    )]
    FewPoints {
        /// Queries of each trace.
        queries: usize,
        /// Points of the shortest.
        points: usize,
    },
}

impl Instance {
    /// Compiles the plan of a model that the verifier holds, and fixes the options.
    ///
    /// # Errors
    /// [`InstanceError`] if the graph has no plan or the security level is out of reach.
    pub fn new(
        graph: Arc<Graph>,
        batch: usize,
        parameters: Parameters,
    ) -> Result<Self, InstanceError> {
        let plan = plan::compile(graph, batch, parameters.plan)?;
        Self::of_plan(plan, parameters, None)
    }

    /// As [`new`](Self::new), for a model whose parameters are committed to.
    ///
    /// # Errors
    /// As [`new`](Self::new), and if the parameters fit no trace.
    pub fn committed(
        graph: Arc<Graph>,
        batch: usize,
        parameters: Parameters,
    ) -> Result<Self, InstanceError> {
        // The plan comes first: it refuses parameters out of range, which a shard's lengths would overflow with.
        let plan = plan::compile(graph.clone(), batch, parameters.plan)?;
        let shard = ParameterShard::new(&graph, parameters)?;
        Self::of_plan(plan, parameters, Some(shard))
    }

    /// The instance of [`committed`](Self::committed) for a verifier who holds the key alone.
    ///
    /// # Errors
    /// As [`committed`](Self::committed), and if the key is inconsistent.
    pub fn of_key(key: &Key, batch: usize) -> Result<Self, InstanceError> {
        let Key {
            skeleton,
            forms,
            parameters,
            ..
        } = key;
        let plan = plan::compile_skeleton(skeleton.clone(), forms, batch, parameters.plan)?;
        let shard = ParameterShard::new(skeleton, *parameters)?;
        Self::of_plan(plan, *parameters, Some(shard))
    }

    fn of_plan(
        plan: Plan,
        parameters: Parameters,
        parameter_shard: Option<ParameterShard>,
    ) -> Result<Self, InstanceError> {
        let longest = plan
            .shards
            .iter()
            .map(|shard| shard.layout.shape.log_rows)
            .chain(parameter_shard.iter().map(|shard| shard.layout.log_rows))
            .max()
            .unwrap_or(0);
        let Parameters { level, profile, .. } = parameters;
        let mut options = proof_options(level, profile, FieldExtension::Cubic, longest)?;
        let trace_infos: Vec<TraceInfo> = plan
            .shards
            .iter()
            .map(|shard| trace_info(&shard.layout, Cube::EXTENSION_DEGREE))
            .collect();
        let joint = JointParameters {
            linear_equations: plan.equations,
            lookups: plan.lookups(),
            table_rows: plan.table_rows(),
            tuple_degree: 4,
            claimed_values: plan
                .shards
                .iter()
                .map(|shard| claimed_columns(&shard.layout) as u64)
                .sum(),
            coupling: Coupling::Total,
            parameter_shards: parameter_shard.iter().len() as u32,
        };
        let mut shards: Vec<ShardParameters> = (plan.shards.iter().zip(&trace_infos))
            .map(|(shard, info)| {
                let inputs = ShardInputs::of_layout(shard.layout.clone());
                shard_parameters(&ShardAir::new(info.clone(), inputs, options.clone()))
            })
            .collect();
        if let Some(shard) = &parameter_shard {
            let info = shard.trace_info.clone();
            let air = ParameterAir::new(info, shard.inputs(), options.clone());
            shards.push(shard_parameters(&air));
        }
        let mut ledger = account(&shards, &joint, &options, COLLISION_BITS);
        if !ledger.is_at_least(level.bits()) {
            // Many shards under one total cost list size: more queries make up for it, or nothing does.
            options = proof_options_for(level, profile, FieldExtension::Cubic, &shards, &joint)?;
            ledger = account(&shards, &joint, &options, COLLISION_BITS);
        }
        let of_parameters = parameter_shard.iter().map(|shard| &shard.trace_info);
        let shortest = trace_infos.iter().chain(of_parameters);
        let shortest = shortest.map(TraceInfo::length).min().unwrap_or(0);
        let (queries, points) = (options.num_queries(), shortest * options.blowup_factor());
        if queries >= points {
            return Err(InstanceError::FewPoints { queries, points });
        }
        Ok(Self {
            plan,
            options,
            trace_infos,
            parameters: parameter_shard,
            ledger,
        })
    }
}

/// What the ledger needs to know of an AIR.
fn shard_parameters(air: &impl Air<BaseField = Felt>) -> ShardParameters {
    let (info, context) = (air.trace_info(), air.context());
    let constraints = context.num_assertions() + context.num_transition_constraints();
    ShardParameters {
        trace_length: info.length() as u64,
        main_width: info.main_trace_width() as u32,
        aux_width: info.aux_segment_width() as u32,
        num_constraints: constraints as u64,
        num_composition_columns: context.num_constraint_composition_columns() as u32,
    }
}

/// Why the tensors of a statement do not fit a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Shape or type of the input.
    #[error("the statement's input is {found}, but the model takes {expected}")]
    Input {
        /// What the model takes.
        expected: String,
        /// What the statement holds.
        found: String,
    },
    /// A token that the model does not know.
    #[error("the statement's input holds token {token}, which the model has no row for")]
    Token {
        /// In the statement.
        token: u32,
    },
    /// Shape or type of the output.
    #[error("the statement's output is {found}, but the model returns {expected}")]
    Output {
        /// What the model returns.
        expected: String,
        /// What the statement holds.
        found: String,
    },
}

/// Input and output as codes; the input of a float32 model is quantized here, and
/// tokens are looked up.
///
/// # Errors
/// [`StatementError`] if a type or shape is not the model's.
pub fn public_codes(graph: &Graph, header: &Header) -> Result<PublicCodes, StatementError> {
    let batch = header.batch();
    let input = graph.tensor(graph.input);
    let output = graph.tensor(graph.output);
    let batched = |sample: &[usize]| [&[batch], sample].concat();
    let describe = |tensor: &PublicTensor| format!("{} {:?}", tensor.values.kind(), tensor.shape);
    let input_shape = batched(graph.input_shape());
    let input_type = match &graph.input_boundary {
        InputBoundary::Float => "float32".to_owned(),
        InputBoundary::Quantized => input.quantization.qtype.to_string(),
        InputBoundary::Tokens(_) => "tokens".to_owned(),
    };
    let expected = format!("{input_type} {input_shape:?}");
    let code =
        |tensor: &winterforge_model::Tensor, q: i32| (q - tensor.quantization.qtype.min()) as u8;
    let is_shaped = header.input.shape == input_shape;
    let input_codes = match (&header.input.values, &graph.input_boundary) {
        (Values::Float(x), InputBoundary::Float) if is_shaped => graph
            .quantize_input(x)
            .into_iter()
            .map(|q| code(input, q))
            .collect(),
        (Values::Quantized(qtype, q), InputBoundary::Quantized)
            if *qtype == input.quantization.qtype && is_shaped =>
        {
            q.iter().map(|&q| code(input, q)).collect()
        }
        (Values::Tokens(tokens), InputBoundary::Tokens(embedding)) if is_shaped => {
            let mut codes = Vec::new();
            for &token in tokens {
                let row = graph.embedded(embedding, token);
                codes.extend_from_slice(row.ok_or(StatementError::Token { token })?);
            }
            codes
        }
        _ => {
            return Err(StatementError::Input {
                expected,
                found: describe(&header.input),
            });
        }
    };
    let output_shape = batched(&output.shape);
    let expected = format!("{} {output_shape:?}", output.quantization.qtype);
    let output_codes = match &header.output.values {
        Values::Quantized(qtype, q)
            if *qtype == output.quantization.qtype && header.output.shape == output_shape =>
        {
            q.iter().map(|&q| code(output, q)).collect()
        }
        _ => {
            return Err(StatementError::Output {
                expected,
                found: describe(&header.output),
            });
        }
    };
    Ok(PublicCodes {
        input: input_codes,
        output: output_codes,
    })
}
