//! Softmax and layer normalization as sums, maps, quotients and roots.
//!
//! The definitions are [`SoftmaxRule`] and [`LayerNormRule`]; each step of theirs is a family of lanes whose linked cells
//! are linear forms in what comes before:
//!
//! ```text
//! softmax     maximum of a row, sixteen cells at a time; a map of each distance from it; a quotient; the output
//! norm        a map to the square of each cell; the root of each row; a quotient; the output
//! ```
//!
//! Sums are no cells of their own, but linked where they are needed. Quotients of a normalization are moved by
//! [`NORMAL_OFFSET`] so that they are not negative.

use std::ops::Range;
use std::sync::Arc;

use winterforge_model::{Graph, LayerNormRule, Node, Op, Quantization, SoftmaxRule};

use crate::forms::{Block, Visit};
use crate::pieces::{ByteMap, Encodings, Piece, Pieces, Role};
use crate::plan::PlanError;
use crate::rounding::{self, RoundingError, Staircase};

/// Cells of a row that one maximum takes.
pub const MAX_TAPS: usize = 16;

/// What the quotients of a normalization are moved by.
pub const NORMAL_OFFSET: i64 = 1 << 28;

/// The lanes of one softmax.
#[derive(Clone, Debug)]
pub struct Softmax {
    /// The definition.
    pub rule: SoftmaxRule,
    /// Cells of a row.
    pub len: usize,
    /// The tensors of the maxima: of sixteen cells each, of sixteen of these, and so on to one a row.
    pub maxima: Vec<usize>,
    /// The tensor of the exponentials.
    pub exponentials: usize,
    /// The tensor of the numerators; where there is none, they are multiples of the exponentials.
    pub numerators: Option<usize>,
    /// The tensor of the quotients.
    pub quotients: usize,
}

impl Softmax {
    /// What an exponential is multiplied by in its numerator, where that is the same for all.
    fn common_factor(rule: &SoftmaxRule) -> Option<i64> {
        let pairs = || rule.exponentials().iter().zip(rule.numerators());
        let factor = pairs().next().map(|(e, numerator)| numerator / e)?;
        pairs()
            .all(|(e, &numerator)| factor * e == numerator)
            .then_some(factor)
    }

    /// The tensor behind the numerators and what it is multiplied by.
    pub fn numerator(&self) -> (usize, i64) {
        match self.numerators {
            Some(tensor) => (tensor, 1),
            None => (
                self.exponentials,
                Self::common_factor(&self.rule).unwrap_or(0),
            ),
        }
    }

    /// Cells of a row of each level of maxima, the row itself first.
    pub fn level_len(&self, level: usize) -> usize {
        (0..level).fold(self.len, |len, _| len.div_ceil(MAX_TAPS))
    }
}

/// The lanes of one normalization.
#[derive(Clone, Debug)]
pub struct Norm {
    /// The definition.
    pub rule: LayerNormRule,
    /// The tensor of the squares.
    pub squares: usize,
    /// The tensor of the roots.
    pub roots: usize,
    /// The tensor of the normalized cells.
    pub normals: usize,
}

fn unsupported(node: &Node) -> PlanError {
    PlanError::Unsupported {
        node: node.name.clone(),
        operator: node.op.name(),
        reason: "its sums have no exact form with these scales",
    }
}

/// Adds the lanes of a softmax.
pub(crate) fn push_softmax(
    pieces: &mut Pieces,
    graph: &Graph,
    index: usize,
    whole_steps: bool,
) -> Result<(), PlanError> {
    let node = &graph.nodes[index];
    let (x, y) = (graph.tensor(node.inputs[0]), graph.tensor(node.output));
    let len = x.shape.last().copied().unwrap_or(0);
    let rule = SoftmaxRule::new(x.quantization, y.quantization, len, whole_steps)
        .ok_or_else(|| unsupported(node))?;
    let (cells, rows) = (x.len(), x.len() / len);
    pieces.taps = pieces.taps.max(len.min(MAX_TAPS));
    let (mut maxima, mut left) = (Vec::new(), len);
    while maxima.is_empty() || left > 1 {
        left = left.div_ceil(MAX_TAPS);
        maxima.push(pieces.push_hidden(index, Role::Max, rows * left));
    }
    let map = |pieces: &mut Pieces, values: &ByteMap| {
        let role = Role::Map(pieces.map(*values));
        pieces.push_hidden(index, role, cells)
    };
    let exponentials = map(pieces, rule.exponentials());
    let numerators = match Softmax::common_factor(&rule) {
        Some(_) => None,
        None => Some(map(pieces, rule.numerators())),
    };
    let quotients = pieces.push_hidden(index, Role::Divide, cells);
    let range = (0, rule.largest_quotient());
    // A quotient is a code but for its zero point: the scale is one.
    let value = |quotient| rule.of_quotient(quotient);
    let encodings = encodings(node, y.quantization, &value, range, (1 << 24, 24))?;
    pieces.push_output(graph, index, encodings);
    let softmax = Softmax {
        rule,
        len,
        maxima,
        exponentials,
        numerators,
        quotients,
    };
    pieces.softmaxes.insert(index, softmax);
    Ok(())
}

/// Adds the lanes of a normalization.
pub(crate) fn push_norm(pieces: &mut Pieces, graph: &Graph, index: usize) -> Result<(), PlanError> {
    let node = &graph.nodes[index];
    let Op::LayerNorm(op) = &node.op else {
        return Err(unsupported(node));
    };
    let (x, y) = (graph.tensor(node.inputs[0]), graph.tensor(node.output));
    let rule = LayerNormRule::new(op, x.quantization, y.quantization, op.rows(&x.shape))
        .ok_or_else(|| unsupported(node))?;
    let (cells, features) = (x.len(), rule.features());
    let square = |code: usize| (code as i64 - CENTER).pow(2);
    let role = Role::Map(pieces.map(std::array::from_fn(square)));
    let squares = pieces.push_hidden(index, role, cells);
    let roots = pieces.push_hidden(index, Role::Root, cells / features);
    let normals = pieces.push_hidden(index, Role::Divide, cells);
    let ranges = (0..features).map(|channel| rule.range(channel));
    let range = ranges
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        .ok_or_else(|| unsupported(node))?;
    let scale = (1, rule.fraction_bits() as i32);
    let encodings = encodings(node, y.quantization, &|sum| rule.of_sum(sum), range, scale)?;
    pieces.push_output(graph, index, encodings);
    let norm = Norm {
        rule,
        squares,
        roots,
        normals,
    };
    pieces.norms.insert(index, norm);
    Ok(())
}

/// The code that counts as zero in a normalization.
pub const CENTER: i64 = 128;

/// The encodings of a staircase with a scale of `multiplier / 2^shift`, from an accumulator to integers quantized as `y`.
fn encodings(
    node: &Node,
    y: Quantization,
    value: &dyn Fn(i64) -> i32,
    range: (i64, i64),
    (multiplier, shift): (u64, i32),
) -> Result<Encodings, PlanError> {
    let code = |accumulator: i64| i64::from(value(accumulator) - y.qtype.min());
    let zero_code = i64::from(y.zero_point - y.qtype.min());
    let staircase = Staircase::new(&code, range, (0, 255), rounding::Steps::Search);
    let channel = |source: RoundingError| PlanError::Channel {
        node: node.name.clone(),
        channel: 0,
        source,
    };
    let window = staircase
        .window(multiplier, shift, zero_code)
        .map_err(channel)?;
    Ok(Encodings {
        line: None,
        window: Some(staircase.channel(window)),
    })
}

/// The terms of a softmax.
pub(crate) fn visit_softmax(
    softmax: &Softmax,
    node: &Node,
    piece: &Piece,
    taps: usize,
    visit: Visit<'_>,
) {
    let x = node.inputs[0].0;
    match piece.role {
        Role::Max => {
            let level = softmax
                .maxima
                .iter()
                .position(|&tensor| tensor == piece.value);
            let level = level.unwrap_or(0);
            let (from, to) = (softmax.level_len(level), softmax.level_len(level + 1));
            let operand = level
                .checked_sub(1)
                .map_or(x, |below| softmax.maxima[below]);
            for position in 0..piece.positions {
                let (row, group) = (position / to, position % to);
                let first = MAX_TAPS * group;
                let cells = MAX_TAPS.min(from - first);
                for tap in 0..taps {
                    // Taps beyond a shorter group repeat its first cell.
                    let cell = if tap < cells { first + tap } else { first };
                    visit(position * taps + tap, operand, row * from + cell, 1);
                }
            }
        }
        Role::Map(_) => {
            let maxima = softmax.maxima.last().copied().unwrap_or(x);
            for cell in 0..piece.positions {
                visit(cell, maxima, cell / softmax.len, 1);
                visit(cell, x, cell, -1);
            }
        }
        Role::Divide => {
            let (tensor, factor) = softmax.numerator();
            for cell in 0..piece.positions {
                visit(2 * cell, tensor, cell, factor);
            }
        }
        _ => {
            for cell in 0..piece.positions {
                visit(cell, softmax.quotients, cell, 1);
            }
        }
    }
}

/// The terms of a normalization.
pub(crate) fn visit_norm(norm: &Norm, node: &Node, piece: &Piece, visit: Visit<'_>) {
    let (x, rule) = (node.inputs[0].0, &norm.rule);
    let features = rule.features();
    match piece.role {
        Role::Map(_) => {
            for cell in 0..piece.positions {
                visit(cell, x, cell, 1);
            }
        }
        Role::Root => {}
        Role::Divide => {
            let factors = row_factors(norm);
            for cell in 0..piece.positions {
                let factor = -(features as i64) * factors[cell % features];
                visit(2 * cell, x, cell, factor);
                visit(2 * cell, norm.roots, cell / features, NORMAL_OFFSET);
                visit(2 * cell + 1, norm.roots, cell / features, 1);
            }
        }
        _ => {
            for cell in 0..piece.positions {
                let (group, channel) = (cell / features, cell % features);
                for row in group * rule.rows()..(group + 1) * rule.rows() {
                    visit(cell, norm.normals, row * features + channel, 1);
                }
            }
        }
    }
}

/// The rows of so many cells of a piece.
fn rows(piece: &Piece, len: usize) -> impl Iterator<Item = (usize, Range<usize>)> + use<> {
    (0..piece.positions / len).map(move |row| (row, row * len..(row + 1) * len))
}

/// The sums of a softmax.
pub(crate) fn softmax_blocks(softmax: &Softmax, piece: &Piece) -> Vec<Block> {
    if !matches!(piece.role, Role::Divide) {
        return Vec::new();
    }
    let sums = |(row, cells): (usize, Range<usize>)| {
        // The sum in the numerator, and twice the sum as divisor.
        [(0, 1), (1, 2)].map(|(link, factor)| Block {
            first: 2 * row * softmax.len + link,
            step: 2,
            tensor: softmax.exponentials,
            cells: cells.clone(),
            factors: vec![factor; softmax.len].into(),
        })
    };
    rows(piece, softmax.len).flat_map(sums).collect()
}

/// The sums of a normalization of `x`.
pub(crate) fn norm_blocks(norm: &Norm, piece: &Piece, x: usize) -> Vec<Block> {
    let (rule, features) = (&norm.rule, norm.rule.features());
    let of_row = |row: usize| row * features..(row + 1) * features;
    match piece.role {
        Role::Divide => {
            let factors = row_factors(norm);
            let sum = |(row, cells)| Block {
                first: 2 * row * features,
                step: 2,
                tensor: x,
                cells,
                factors: factors.clone(),
            };
            rows(piece, features).map(sum).collect()
        }
        Role::Root => {
            let squares = (features as i64) << (2 * rule.scale_bits());
            let sums = [(0, x, 1 << rule.scale_bits()), (1, norm.squares, squares)];
            let of_root = |row: usize| {
                sums.map(|(link, tensor, factor)| Block {
                    first: 2 * row + link,
                    step: 1,
                    tensor,
                    cells: of_row(row),
                    factors: [factor].into(),
                })
            };
            (0..piece.positions).flat_map(of_root).collect()
        }
        _ => Vec::new(),
    }
}

/// What the sum of a row is multiplied by in the numerator of each of its cells.
fn row_factors(norm: &Norm) -> Arc<[i64]> {
    let factor = |gain: &i64| -(gain << norm.rule.scale_bits());
    norm.rule.gains().iter().map(factor).collect()
}

/// The constants of a normalization, one sample long.
pub(crate) fn norm_constants(norm: &Norm, piece: &Piece) -> Vec<i64> {
    let (rule, features) = (&norm.rule, norm.rule.features());
    match piece.role {
        Role::Root => {
            let sum = (-CENTER * features as i64) << rule.scale_bits();
            [sum, rule.epsilon()].repeat(piece.positions)
        }
        Role::Divide => [0, -1].repeat(piece.positions),
        Role::Requant(_) => {
            let moved = NORMAL_OFFSET * rule.rows() as i64;
            let channels = rule.offsets().iter().map(|offset| offset - moved);
            channels
                .collect::<Vec<_>>()
                .repeat(piece.positions / features)
        }
        _ => vec![0; piece.positions],
    }
}
