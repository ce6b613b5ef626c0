//! What each operator of a graph contributes to the trace.
//!
//! A *piece* is a family of lanes of one kind: the requantizations of a layer, the maxima of a pool, the map of an
//! activation. Operators that only move cells (views, transposes, concatenations, padding) contribute nothing: their
//! readers are linked to the cells they move.

use std::collections::BTreeMap;

use winterforge_model::{AddRule, AveragePool, Graph, Node, Op, OperandCells, Requant};

use crate::attention::{self, Norm, Softmax};
use crate::average::{self, Average, Chain};
use crate::contraction::Product;
use crate::parallel;
use crate::plan::PlanError;
use crate::product;
use crate::rounding::{self, Channel, RoundingError, Staircase};
use crate::steps::Steps;

/// A function from codes to values, looked up in a table of 256 rows.
pub type ByteMap = [i64; 256];

/// A family of lanes.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The operator, as an index into the graph's nodes.
    pub node: usize,
    /// What the lanes do.
    pub role: Role,
    /// Channels: lanes of one channel share their constants.
    pub channels: usize,
    /// Lanes of one channel in one sample.
    pub positions: usize,
    /// Whether cells of the value tensor go channel by channel or position by position.
    pub channels_first: bool,
    /// The tensor of the lanes' values: of the graph, or one of [`Pieces::hidden`].
    pub value: usize,
}

/// What the lanes of a piece do.
#[derive(Clone, Debug)]
pub enum Role {
    /// Round an accumulator; one form per channel.
    Requant(Vec<Form>),
    /// Take the largest of some cells.
    Max,
    /// Look a value up in the map of this index.
    Map(usize),
    /// Find the step of an accumulator.
    Step,
    /// Find the step of a product.
    Product,
    /// Add in float32: the n-th addition of an average pool.
    FloatSum(usize),
    /// Divide.
    Divide,
    /// Take a square root.
    Root,
    /// Add to a product of two tensors.
    Contraction,
}

/// The encodings that a channel has: one at least.
#[derive(Clone, Debug, Default)]
pub struct Encodings {
    /// The line.
    pub line: Option<Channel>,
    /// The window.
    pub window: Option<Channel>,
}

/// What a layout needs to know of a channel: which encodings it has, but not their constants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Whether it has a line.
    pub line: bool,
    /// The fewest and the most bits that the range check of its window may have, if it has one.
    pub window_bits: Option<(u32, u32)>,
    /// Whether its clamp leaves out codes of its type.
    pub narrow: bool,
}

impl Encodings {
    /// Which encodings there are.
    pub fn form(&self) -> Form {
        let any = self.line.as_ref().or(self.window.as_ref());
        Form {
            line: self.line.is_some(),
            window_bits: (self.window.as_ref()).map(|window| (window.bits, window.most_bits)),
            narrow: any.is_some_and(Channel::is_narrow),
        }
    }
}

/// All pieces of a graph.
#[derive(Clone, Debug)]
pub struct Pieces {
    /// The families of lanes, in the order of the graph's nodes.
    pub list: Vec<Piece>,
    /// Tensors of the graph.
    graph_tensors: usize,
    /// Sizes of one sample of the tensors that exist in the trace only, numbered behind the graph's tensors.
    pub hidden: Vec<usize>,
    /// The maps that [`Role::Map`] refers to.
    pub maps: Vec<ByteMap>,
    /// Integer form of each addition, by node.
    pub additions: BTreeMap<usize, Addition>,
    /// What is added to each product of [`Role::Product`] and [`Role::Step`], by node.
    pub products: BTreeMap<usize, i64>,
    /// Integer form of each average pool, by node.
    pub averages: BTreeMap<usize, Average>,
    /// The staircases of [`Role::Product`] and [`Role::Step`].
    pub steps: Steps,
    /// The lanes of each softmax, by node.
    pub softmaxes: BTreeMap<usize, Softmax>,
    /// The lanes of each layer normalization, by node.
    pub norms: BTreeMap<usize, Norm>,
    /// The sizes of each product of two tensors, by node.
    pub contractions: BTreeMap<usize, Product>,
    /// Cells of either matrix in a lane of these products.
    pub tile: usize,
    /// Operands of the widest maximum.
    pub taps: usize,
    /// The encodings behind the forms, by piece and channel; empty for pieces without accumulators, and for those
    /// whose parameters are not at hand.
    pub encodings: Vec<Vec<Encodings>>,
}

/// An addition in integers: the sum rounds `factor * a + inner(b)`, both scaled by `2^shift`.
#[derive(Clone, Debug)]
pub struct Addition {
    /// The multiplier of the first operand.
    pub factor: i64,
    /// The scaled inner sum for each code of the second operand.
    pub inner: ByteMap,
    /// Index among the tensors of the inner sum of each cell of the second operand, if that is no constant.
    pub hidden: Option<usize>,
}

impl Piece {
    /// The cell of the value tensor, in one sample, of a lane.
    pub fn cell(&self, channel: usize, position: usize) -> usize {
        if self.channels_first {
            channel * self.positions + position
        } else {
            position * self.channels + channel
        }
    }
}

impl Pieces {
    /// Decomposes a graph.
    ///
    /// # Errors
    /// [`PlanError`] names the node that has no tables here, or the channel that has no exact encoding.
    pub fn new(graph: &Graph) -> Result<Self, PlanError> {
        let ranges = graph.accumulator_ranges();
        Self::decompose(graph, |index, node| {
            let encodings = requant_encodings(graph, node, &ranges[index])?;
            Ok((encodings.iter().map(Encodings::form).collect(), encodings))
        })
    }

    /// Decomposes a graph without its parameters: `forms` holds one list for each node with a requantization, in order.
    ///
    /// # Errors
    /// [`PlanError`] if a node has no tables here, or no matching forms.
    pub fn of_skeleton(graph: &Graph, forms: &[Vec<Form>]) -> Result<Self, PlanError> {
        let mut forms = forms.iter();
        let pieces = Self::decompose(graph, |_, node| match (&node.op, forms.next()) {
            (op, Some(forms)) if forms.len() == op.requantized_channels() => {
                Ok((forms.clone(), Vec::new()))
            }
            _ => Err(PlanError::Forms(node.name.clone())),
        })?;
        match forms.next() {
            None => Ok(pieces),
            Some(_) => Err(PlanError::Forms(String::new())),
        }
    }

    /// `channels` answers for the nodes with a requantization.
    fn decompose(
        graph: &Graph,
        mut channels: impl FnMut(usize, &Node) -> Result<(Vec<Form>, Vec<Encodings>), PlanError>,
    ) -> Result<Self, PlanError> {
        let mut pieces = Self {
            list: Vec::new(),
            graph_tensors: graph.tensors.len(),
            hidden: Vec::new(),
            maps: Vec::new(),
            additions: BTreeMap::new(),
            products: BTreeMap::new(),
            averages: BTreeMap::new(),
            softmaxes: BTreeMap::new(),
            norms: BTreeMap::new(),
            contractions: BTreeMap::new(),
            tile: 1,
            steps: Steps::default(),
            taps: 0,
            encodings: Vec::new(),
        };
        for (index, node) in graph.nodes.iter().enumerate() {
            pieces.push(graph, index, node, &mut channels)?;
            pieces.encodings.resize_with(pieces.list.len(), Vec::new);
        }
        Ok(pieces)
    }

    /// Cells of one sample of a tensor, hidden ones included.
    pub fn tensor_len(&self, graph: &Graph, tensor: usize) -> usize {
        match graph.tensors.get(tensor) {
            Some(tensor) => tensor.len(),
            None => self.hidden[tensor - graph.tensors.len()],
        }
    }

    fn push(
        &mut self,
        graph: &Graph,
        index: usize,
        node: &Node,
        channels: &mut impl FnMut(usize, &Node) -> Result<(Vec<Form>, Vec<Encodings>), PlanError>,
    ) -> Result<(), PlanError> {
        let cells = graph.tensor(node.output).len();
        let value = node.output.0;
        let piece = |role, channels: usize, channels_first| Piece {
            node: index,
            role,
            channels,
            positions: cells / channels,
            channels_first,
            value,
        };
        match &node.op {
            Op::Linear(_) | Op::Conv(_) | Op::GlobalAveragePool { .. } => {
                let (forms, encodings) = channels(index, node)?;
                let channels_first = !matches!(node.op, Op::Linear(_));
                let count = node.op.requantized_channels();
                self.list
                    .push(piece(Role::Requant(forms), count, channels_first));
                self.encodings.push(encodings);
            }
            Op::MaxPool(window) => {
                self.taps = self.taps.max(window.kernel[0] * window.kernel[1]);
                self.list.push(piece(Role::Max, 1, true));
            }
            Op::Table(table) => {
                let type_min = i64::from(graph.tensor(node.output).quantization.qtype.min());
                let map = self.map(std::array::from_fn(|code| {
                    i64::from(table.values[code]) - type_min
                }));
                self.list.push(piece(Role::Map(map), 1, true));
            }
            Op::Add(_) => {
                let encodings = self.push_addition(graph, index, node)?;
                self.encodings.resize_with(self.list.len(), Vec::new);
                self.list
                    .push(piece(Role::Requant(vec![encodings.form()]), 1, true));
                self.encodings.push(vec![encodings]);
            }
            Op::MatMul { requant } => self.push_mat_mul(graph, index, requant)?,
            Op::Softmax { whole_steps } => {
                attention::push_softmax(self, graph, index, *whole_steps)?;
            }
            Op::LayerNorm(_) => attention::push_norm(self, graph, index)?,
            Op::View
            | Op::Gather { .. }
            | Op::Transpose { .. }
            | Op::Pad(_)
            | Op::Concat { .. } => {}
            Op::Mul(_) => {
                let role = self.push_product(graph, index, node)?;
                self.list.push(piece(role, 1, true));
            }
            Op::AveragePool(pool) => {
                self.push_average(graph, index, pool)?;
                self.list.push(piece(Role::Step, 1, true));
            }
        }
        Ok(())
    }

    fn push_product(
        &mut self,
        graph: &Graph,
        index: usize,
        node: &Node,
    ) -> Result<Role, PlanError> {
        let unsupported = || PlanError::Unsupported {
            node: node.name.clone(),
            operator: node.op.name(),
            reason: "its scales are out of range, or the table of steps has no room for it",
        };
        match product::place(graph, node, &mut self.steps).ok_or_else(unsupported)? {
            product::Way::Map(map) => Ok(Role::Map(self.map(*map))),
            product::Way::Tensors(offset) => {
                self.products.insert(index, offset);
                Ok(Role::Product)
            }
            product::Way::Constants(offset) => {
                self.products.insert(index, offset);
                Ok(Role::Step)
            }
        }
    }

    /// The lanes in front of the last ones of an average pool.
    fn push_average(
        &mut self,
        graph: &Graph,
        index: usize,
        pool: &AveragePool,
    ) -> Result<(), PlanError> {
        let node = &graph.nodes[index];
        let unsupported = |reason| PlanError::Unsupported {
            node: node.name.clone(),
            operator: node.op.name(),
            reason,
        };
        let way = average::place(graph, node, pool, &mut self.steps);
        let (offsets, terms) = match way.map_err(unsupported)? {
            average::Way::Sums(offsets) => (offsets, None),
            average::Way::Chain(terms, offsets) => (offsets, Some(terms)),
        };
        let chain = terms.map(|terms| {
            let map = self.map(*terms);
            let operand = graph.tensor(node.inputs[0]).len();
            let windows = graph.tensor(node.output).len();
            let terms = self.push_hidden(index, Role::Map(map), operand);
            let [height, width] = pool.window.kernel;
            let sums = (0..height * width - 1)
                .map(|addition| self.push_hidden(index, Role::FloatSum(addition), windows));
            let sums = sums.collect();
            Chain { terms, sums }
        });
        self.averages.insert(index, Average { offsets, chain });
        Ok(())
    }

    fn push_mat_mul(
        &mut self,
        graph: &Graph,
        index: usize,
        requant: &Requant,
    ) -> Result<(), PlanError> {
        let node = &graph.nodes[index];
        let product = Product::new(graph, node, self.graph_tensors + self.hidden.len())?;
        self.push_hidden(index, Role::Contraction, product.lanes(self.tile));
        // Over all codes of the types: a verifier without parameters knows no more.
        let ends = |index: usize| {
            let quantization = graph.tensor(node.inputs[index]).quantization;
            let ends = [quantization.qtype.min(), quantization.qtype.max()];
            ends.map(|end| i64::from(end - quantization.zero_point))
        };
        let corners = ends(0).map(|a| ends(1).map(|b| a * b * product.inner as i64));
        let corners = corners.as_flattened();
        let range = corners
            .iter()
            .fold((0, 0), |(low, high), &v| (v.min(low), v.max(high)));
        let type_min = graph.tensor(node.output).quantization.qtype.min();
        let encodings = encode_channel(node, 0, requant, range, type_min)?;
        // One channel a row, so that rows of equations are a stride apart.
        let channels = product.matrices * product.rows;
        self.list.push(Piece {
            node: index,
            role: Role::Requant(vec![encodings.form(); channels]),
            channels,
            positions: product.columns,
            channels_first: true,
            value: node.output.0,
        });
        self.encodings.resize_with(self.list.len() - 1, Vec::new);
        self.encodings.push(vec![encodings; channels]);
        self.contractions.insert(index, product);
        Ok(())
    }

    /// Chooses how many cells of either matrix a lane of a product takes.
    pub(crate) fn set_tile(&mut self, tile: usize) {
        self.tile = tile;
        for piece in &mut self.list {
            if matches!(piece.role, Role::Contraction)
                && let Some(product) = self.contractions.get(&piece.node)
            {
                piece.positions = product.lanes(tile);
                self.hidden[piece.value - self.graph_tensors] = piece.positions;
            }
        }
    }

    /// Equations from one row of a product of two tensors to the next.
    pub(crate) fn row_stride(&self, batch: usize) -> u64 {
        let products = self.contractions.values();
        let strides = products.map(|product| product.stride(batch, self.tile));
        strides.max().unwrap_or(0)
    }

    /// Adds the lanes that round to a node's result, all alike.
    pub(crate) fn push_output(&mut self, graph: &Graph, node: usize, encodings: Encodings) {
        let output = graph.nodes[node].output;
        self.encodings.resize_with(self.list.len(), Vec::new);
        self.list.push(Piece {
            node,
            role: Role::Requant(vec![encodings.form()]),
            channels: 1,
            positions: graph.tensor(output).len(),
            channels_first: true,
            value: output.0,
        });
        self.encodings.push(vec![encodings]);
    }

    /// Adds lanes whose values are a tensor of the trace only, and returns it.
    pub(crate) fn push_hidden(&mut self, node: usize, role: Role, cells: usize) -> usize {
        let value = self.graph_tensors + self.hidden.len();
        self.hidden.push(cells);
        self.list.push(Piece {
            node,
            role,
            channels: 1,
            positions: cells,
            channels_first: true,
            value,
        });
        value
    }

    /// The index of a map, shared with an equal one.
    pub(crate) fn map(&mut self, map: ByteMap) -> usize {
        match self.maps.iter().position(|known| *known == map) {
            Some(index) => index,
            None => {
                self.maps.push(map);
                self.maps.len() - 1
            }
        }
    }

    fn push_addition(
        &mut self,
        graph: &Graph,
        index: usize,
        node: &Node,
    ) -> Result<Encodings, PlanError> {
        let inexact = |accumulator| PlanError::Channel {
            node: node.name.clone(),
            channel: 0,
            source: RoundingError::NotExact { accumulator },
        };
        let [a, b] = graph.operands(node).ok_or_else(|| inexact(0))?;
        let y = graph.tensor(node.output).quantization;
        let rule = AddRule::new(a.quantization, b.quantization, y).ok_or_else(|| inexact(0))?;
        let b_min = b.quantization.qtype.min();
        let inner: [f32; 256] = std::array::from_fn(|code| rule.inner(code as i32 + b_min));
        // Every term is an integer multiple of 2^-shift.
        let shift = inner
            .iter()
            .chain([&rule.factor()])
            .map(|&v| fraction_bits(v))
            .max()
            .unwrap_or(0)
            .max(26);
        let limit = 1i64 << 52;
        let scaled = |v: f32| {
            let scaled = f64::from(v) * f64::from(shift as u32).exp2();
            (shift <= 52 && scaled.abs() < limit as f64).then_some(scaled as i64)
        };
        let factor = scaled(rule.factor()).ok_or_else(|| inexact(0))?;
        let mut sums = [0; 256];
        for (sum, &v) in sums.iter_mut().zip(&inner) {
            *sum = scaled(v).ok_or_else(|| inexact(0))?;
        }
        let a_min = i64::from(a.quantization.qtype.min());
        let corners = [a_min, a_min + 255].map(|a| a * factor);
        let (least, most) = (
            sums.iter().min().unwrap_or(&0),
            sums.iter().max().unwrap_or(&0),
        );
        let range = (
            corners[0].min(corners[1]) + least,
            corners[0].max(corners[1]) + most,
        );
        let code_min = i64::from(y.qtype.min());
        // The exact sum of two numbers is rounded to float32 and then to an integer.
        let code = |acc: i64| {
            rounding::round_sum(acc, shift as u32).clamp(code_min, code_min + 255) - code_min
        };
        let staircase = Staircase::new(&code, range, (0, 255), rounding::Steps::Search);
        let window = staircase
            .window(1, shift as i32, -code_min)
            .map_err(|source| PlanError::Channel {
                node: node.name.clone(),
                channel: 0,
                source,
            })?;
        let hidden = match b.cells {
            OperandCells::Constant(_) => None,
            OperandCells::Tensor(id) => {
                let role = Role::Map(self.map(sums));
                Some(self.push_hidden(index, role, graph.tensor(id).len()))
            }
        };
        self.additions.insert(
            index,
            Addition {
                factor,
                inner: sums,
                hidden,
            },
        );
        Ok(Encodings {
            line: None,
            window: Some(staircase.channel(window)),
        })
    }
}

/// The number of fraction bits of a finite float32.
fn fraction_bits(v: f32) -> i64 {
    if v == 0.0 {
        return 0;
    }
    let bits = v.to_bits();
    let exponent = i64::from(bits >> 23 & 0xff).max(1) - 150;
    let mantissa = if bits >> 23 & 0xff == 0 {
        bits & 0x7f_ffff
    } else {
        bits & 0x7f_ffff | 0x80_0000
    };
    -(exponent + i64::from(mantissa.trailing_zeros()))
}

fn requant_encodings(
    graph: &Graph,
    node: &Node,
    ranges: &[(i64, i64)],
) -> Result<Vec<Encodings>, PlanError> {
    let type_min = graph.tensor(node.output).quantization.qtype.min();
    let requants = node.op.requant();
    let encode = |channel: usize, requant: &Requant| {
        encode_channel(node, channel, requant, ranges[channel], type_min)
    };
    parallel::map(requants.len() >= 512, requants, encode)
        .into_iter()
        .collect()
}

fn encode_channel(
    node: &Node,
    channel: usize,
    requant: &Requant,
    range: (i64, i64),
    type_min: i32,
) -> Result<Encodings, PlanError> {
    let (line, window) = match requant.constant_over(range.0, range.1) {
        Some(q) => {
            let code = i64::from(q - type_min);
            let constant = |lines| rounding::encode_constant(requant, range, type_min, code, lines);
            (Some(constant(true)), Ok(constant(false)))
        }
        None => rounding::encode(requant, range, type_min),
    };
    match (line, window) {
        (None, Err(source)) => Err(PlanError::Channel {
            node: node.name.clone(),
            channel,
            source,
        }),
        (line, window) => Ok(Encodings {
            line,
            window: window.ok(),
        }),
    }
}
