//! What each cell of a tensor weighs: what its coefficient in the joint check is multiplied by in the sum of all claims.
//!
//! A value of a lane weighs its row's weight times `lambda^lane`, an input cell minus the total's weight times its code,
//! and a cell that an operator moves what the moved cell weighs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use winter_math::FieldElement;
use winterforge_model::{Copied, Op};

use crate::field::Felt;
use crate::joint::PublicCodes;
use crate::plan::Plan;

use super::rows::Rows;

/// The weights of a tensor's cells over the batch, `[sample][cell]`.
#[derive(Clone)]
pub(super) enum Source<'a, E> {
    /// The values of a piece: row weights times powers of lanes.
    Piece(usize),
    /// The input: codes times a factor.
    Codes(&'a [u8], E),
    /// Anything else.
    Dense(Arc<Vec<E>>),
}

impl<E: FieldElement<BaseField = Felt>> Source<'_, E> {
    /// A value times the weight of a cell, but for [`factor`](Self::factor). Not for pieces.
    pub(super) fn times(&self, cell: usize, value: E) -> E {
        match self {
            Self::Piece(_) => E::ZERO,
            Self::Codes(codes, _) => value.mul_base(Felt::from(codes[cell])),
            Self::Dense(weights) => value * weights[cell],
        }
    }

    /// What all weights have in common.
    pub(super) fn factor(&self) -> E {
        match self {
            Self::Codes(_, factor) => *factor,
            _ => E::ONE,
        }
    }
}

/// The weights of all tensors, found when asked for.
pub(super) struct Sources<'a, E> {
    pub(super) plan: &'a Plan,
    pub(super) rows: &'a Rows<E>,
    codes: &'a PublicCodes,
    /// By tensor: the piece that computes it.
    pieces: BTreeMap<usize, usize>,
    /// By tensor: the node that makes it.
    producers: BTreeMap<usize, usize>,
    /// Tensors whose cells were moved.
    moved: Mutex<BTreeMap<usize, Arc<Vec<E>>>>,
}

impl<'a, E: FieldElement<BaseField = Felt>> Sources<'a, E> {
    pub(super) fn new(plan: &'a Plan, codes: &'a PublicCodes, rows: &'a Rows<E>) -> Self {
        let pieces = plan.pieces.list.iter().enumerate();
        let nodes = plan.graph.nodes.iter().enumerate();
        Self {
            plan,
            rows,
            codes,
            pieces: pieces.map(|(index, piece)| (piece.value, index)).collect(),
            producers: nodes.map(|(index, node)| (node.output.0, index)).collect(),
            moved: Mutex::default(),
        }
    }

    /// The weights of a tensor's cells.
    pub(super) fn of(&self, tensor: usize) -> Source<'a, E> {
        if let Some(&piece) = self.pieces.get(&tensor) {
            return Source::Piece(piece);
        }
        match self.producers.get(&tensor) {
            None => Source::Codes(&self.codes.input, -self.rows.total),
            Some(&node) => match self.plan.graph.nodes[node].op {
                Op::View => self.of(self.plan.graph.nodes[node].inputs[0].0),
                _ => Source::Dense(self.moved(tensor, node)),
            },
        }
    }

    /// The weights of a tensor's cells, each by itself.
    pub(super) fn dense(&self, tensor: usize) -> Arc<Vec<E>> {
        match self.of(tensor) {
            Source::Dense(weights) => weights,
            Source::Codes(codes, factor) => {
                let weight = |&code: &u8| factor.mul_base(Felt::from(code));
                Arc::new(codes.iter().map(weight).collect())
            }
            Source::Piece(piece) => Arc::new(self.of_piece(piece)),
        }
    }

    fn of_piece(&self, index: usize) -> Vec<E> {
        let plan = self.plan;
        let piece = &plan.pieces.list[index];
        let len = piece.channels * piece.positions;
        let mut weights = vec![E::ZERO; plan.batch * len];
        for channel in 0..piece.channels {
            let (kind, rows) = self.rows.channel(index, channel);
            let lanes = &self.rows.lane_powers[..self.rows.lanes[kind as usize]];
            let values = (rows.iter()).flat_map(|&row| lanes.iter().map(move |&lane| row * lane));
            for (instance, value) in (0..plan.instances(index)).zip(values) {
                let (sample, position) = (instance / piece.positions, instance % piece.positions);
                weights[sample * len + piece.cell(channel, position)] = value;
            }
        }
        weights
    }

    fn moved(&self, tensor: usize, index: usize) -> Arc<Vec<E>> {
        let known = || self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(weights) = known().get(&tensor) {
            return weights.clone();
        }
        let graph = &self.plan.graph;
        let node = &graph.nodes[index];
        let inputs: Vec<_> = node.inputs.iter().map(|id| self.dense(id.0)).collect();
        let type_min = graph.tensor(node.output).quantization.qtype.min();
        let copied = graph.copied_cells(node).unwrap_or_default();
        let mut weights = Vec::with_capacity(self.plan.batch * copied.len());
        for sample in 0..self.plan.batch {
            weights.extend(copied.iter().map(|&copied| {
                match copied {
                    Copied::Cell { input, cell } => {
                        let cells = graph.tensor(node.inputs[input]).len();
                        inputs[input][sample * cells + cell]
                    }
                    // A constant cell stands on the other side of its equation.
                    Copied::Constant(value) => -self
                        .rows
                        .total
                        .mul_base(Felt::from((value - type_min) as u32)),
                }
            }));
        }
        let weights = Arc::new(weights);
        known().insert(tensor, weights.clone());
        weights
    }
}
