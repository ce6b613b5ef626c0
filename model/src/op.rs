//! The integer operators.
//!
//! All shapes are those of one sample. Images are `[channels, height, width]`; a signal
//! `[channels, length]` is an image of height 1, between two views.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::quantization::Quantization;
use crate::requant::Requant;

/// An integer operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// A matrix product with constant weights, requantized.
    Linear(Linear),
    /// A convolution with constant weights, requantized: an image into an image.
    Conv(Conv),
    /// The largest cell of each window; padding never wins.
    MaxPool(Window),
    /// The average of each window, as `QLinearAveragePool` evaluates it: see [`AveragePool`].
    AveragePool(AveragePool),
    /// The average of each channel, `[C, ..]` into `[C, 1, ..]`: the sum of the cells less their
    /// zero point, requantized.
    GlobalAveragePool {
        /// The factor is `f32(sx / f32(sy * f32(cells)))`.
        requant: Requant,
    },
    /// The sum of two operands, cell by cell: see [`AddRule`](crate::AddRule).
    Add(Elementwise),
    /// The product of two operands, cell by cell: see [`MulRule`](crate::MulRule).
    Mul(Elementwise),
    /// The matrix product of two tensors, requantized: `[.., m, k]` by `[.., k, n]`, for each index of the leading axes,
    /// which agree.
    MatMul {
        /// The factor is `f32(f32(sa * sb) / sy)`.
        requant: Requant,
    },
    /// The softmax along the last axis: see [`SoftmaxRule`](crate::SoftmaxRule).
    Softmax {
        /// Whether the number of output steps in 1 is truncated, as `QLinearSoftmax` does.
        whole_steps: bool,
    },
    /// The normalization of each row, and what follows in real numbers: see [`LayerNorm`].
    LayerNorm(LayerNorm),
    /// A function of each cell.
    Table(Table),
    /// The operands one behind the other along `axis`, all quantized like the result.
    Concat {
        /// An axis of one sample.
        axis: usize,
    },
    /// The same cells under permuted axes.
    Transpose {
        /// Axis `i` of the result is axis `perm[i]` of the operand.
        perm: Vec<usize>,
    },
    /// The same axes, with chosen indices along one of them: any number of times each, in any order.
    Gather {
        /// An axis of one sample.
        axis: usize,
        /// Index `i` of the result's axis is index `indices[i]` of the operand's.
        indices: Vec<usize>,
    },
    /// The operand inside a frame of constant cells.
    Pad(Pad),
    /// The same cells in the same order under another shape: Flatten, Reshape, Squeeze.
    View,
}

impl Op {
    /// The requantization of each channel; empty for operators without accumulators.
    pub fn requant(&self) -> &[Requant] {
        match self {
            Self::Linear(linear) => &linear.requant,
            Self::Conv(conv) => &conv.requant,
            Self::GlobalAveragePool { requant } | Self::MatMul { requant } => {
                std::slice::from_ref(requant)
            }
            Self::MaxPool(_)
            | Self::AveragePool(_)
            | Self::Add(_)
            | Self::Mul(_)
            | Self::Softmax { .. }
            | Self::LayerNorm(_)
            | Self::Table(_)
            | Self::Concat { .. }
            | Self::Transpose { .. }
            | Self::Gather { .. }
            | Self::Pad(_)
            | Self::View => &[],
        }
    }

    /// Channels whose requantization a [skeleton](crate::Graph::skeleton) leaves out or a key commits to.
    pub fn requantized_channels(&self) -> usize {
        match self {
            Self::Linear(linear) => linear.out_features,
            Self::Conv(conv) => conv.out_channels,
            Self::GlobalAveragePool { .. } => 1,
            _ => 0,
        }
    }

    pub(crate) fn requant_mut(&mut self) -> &mut [Requant] {
        match self {
            Self::Linear(linear) => &mut linear.requant,
            Self::Conv(conv) => &mut conv.requant,
            Self::GlobalAveragePool { requant } | Self::MatMul { requant } => {
                std::slice::from_mut(requant)
            }
            _ => &mut [],
        }
    }

    /// What the operator is called in messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Linear(_) => "Linear",
            Self::Conv(_) => "Conv",
            Self::MaxPool(_) => "MaxPool",
            Self::AveragePool(_) => "AveragePool",
            Self::GlobalAveragePool { .. } => "GlobalAveragePool",
            Self::Add(_) => "Add",
            Self::Mul(_) => "Mul",
            Self::MatMul { .. } => "MatMul",
            Self::Softmax { .. } => "Softmax",
            Self::LayerNorm(_) => "LayerNorm",
            Self::Table(_) => "Table",
            Self::Concat { .. } => "Concat",
            Self::Transpose { .. } => "Transpose",
            Self::Gather { .. } => "Gather",
            Self::Pad(_) => "Pad",
            Self::View => "View",
        }
    }
}

/// `Y = requant((X - zx) (W - zw)^T + bias)`, for every position of X.
///
/// X is `[.., in_features]` and Y `[.., out_features]`; the leading axes, if any, are *positions*
/// that share the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    /// The length of a row of X.
    pub in_features: usize,
    /// The number of output channels.
    pub out_features: usize,
    /// The weights less their zero point, row-major `[out_features][in_features]`.
    pub weights: Vec<i16>,
    /// The addend of each channel, in units of its accumulator; zeros where the file has none.
    pub bias: Vec<i32>,
    /// The requantization of each channel.
    pub requant: Vec<Requant>,
    /// How each channel's weights were stored: enters the model id and, through the scale,
    /// `requant`; the arithmetic itself has no further use for it.
    pub weight_quantization: Vec<Quantization>,
    /// The `alpha` of a QGemm, otherwise 1. Already part of `requant`.
    pub alpha: f32,
}

impl Linear {
    /// The weights of one output channel, less their zero point.
    pub fn row(&self, channel: usize) -> &[i16] {
        &self.weights[channel * self.in_features..][..self.in_features]
    }
}

/// `Y[o, i, j] = requant(bias[o] + sum over c, ky, kx of
/// (X[c, i sy + ky dy - top, j sx + kx dx - left] - zx) (W[o, c, ky, kx] - zw))`.
///
/// The sum over `c` runs over the channels of the group of `o`. Cells outside of the image count as
/// real 0, which is `zx`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv {
    /// Channels of X.
    pub in_channels: usize,
    /// Channels of Y.
    pub out_channels: usize,
    /// Divides both numbers of channels; `in_channels` for a depthwise convolution.
    pub groups: usize,
    /// How the kernel moves.
    pub window: Window,
    /// The weights less their zero point, row-major
    /// `[out_channels][in_channels / groups][kernel height][kernel width]`.
    pub weights: Vec<i16>,
    /// The addend of each channel, in units of its accumulator; zeros where the file has none.
    pub bias: Vec<i32>,
    /// The requantization of each channel.
    pub requant: Vec<Requant>,
    /// How each channel's weights were stored, as in [`Linear`].
    pub weight_quantization: Vec<Quantization>,
}

impl Conv {
    /// Input channels of one group.
    pub fn group_in_channels(&self) -> usize {
        self.in_channels / self.groups
    }

    /// Output channels of one group.
    pub fn group_out_channels(&self) -> usize {
        self.out_channels / self.groups
    }

    /// The input channels that an output channel reads.
    pub fn input_channels(&self, channel: usize) -> std::ops::Range<usize> {
        let first = channel / self.group_out_channels() * self.group_in_channels();
        first..first + self.group_in_channels()
    }

    /// The weights of one output channel, less their zero point:
    /// `[in_channels / groups][kernel height][kernel width]`.
    pub fn filter(&self, channel: usize) -> &[i16] {
        let size = self.filter_len();
        &self.weights[channel * size..][..size]
    }

    /// The number of weights of one output channel.
    pub fn filter_len(&self) -> usize {
        let [height, width] = self.window.kernel;
        self.group_in_channels() * height * width
    }
}

/// How a kernel moves over an image. Pairs are `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Taps.
    pub kernel: [usize; 2],
    /// Steps between windows.
    pub strides: [usize; 2],
    /// Cells around the image: top, left, bottom, right.
    pub pads: [usize; 4],
    /// Steps between taps.
    pub dilations: [usize; 2],
}

impl Window {
    /// No parameter is larger, so that no sum of products of two overflows.
    pub(crate) const MAX_PARAMETER: usize = 1 << 26;

    /// The window of a 1 x 1 kernel that visits every cell.
    pub const POINT: Self = Self::covering([1, 1]);

    /// The window that covers an image of this size once.
    pub const fn covering(image: [usize; 2]) -> Self {
        Self {
            kernel: image,
            strides: [1, 1],
            pads: [0; 4],
            dilations: [1, 1],
        }
    }

    /// Whether every parameter is in its range.
    pub fn is_well_formed(&self) -> bool {
        let positive = [self.kernel, self.strides, self.dilations];
        positive.iter().flatten().all(|&v| v >= 1)
            && (positive.iter().flatten().chain(&self.pads)).all(|&v| v <= Self::MAX_PARAMETER)
    }

    /// The extent of the kernel on an axis, gaps included.
    pub fn extent(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1) * self.dilations[axis] + 1
    }

    /// The size of the result on an image of this size, or `None` if the kernel does not fit into
    /// the padded image.
    pub fn output(&self, image: [usize; 2]) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let padded = image[axis] + self.pads[axis] + self.pads[axis + 2];
            let room = padded.checked_sub(self.extent(axis))?;
            Some(room / self.strides[axis] + 1)
        };
        Some([along(0)?, along(1)?])
    }

    /// The coordinate of the image that `tap` of window `index` reads on an axis, or `None` if that
    /// is padding.
    pub fn source(&self, axis: usize, index: usize, tap: usize, size: usize) -> Option<usize> {
        let padded = index * self.strides[axis] + tap * self.dilations[axis];
        let at = padded.checked_sub(self.pads[axis])?;
        (at < size).then_some(at)
    }

    /// The taps of window `index` that lie inside of an image of this size on an axis.
    pub fn taps(&self, axis: usize, index: usize, size: usize) -> std::ops::Range<usize> {
        let (start, step) = (index * self.strides[axis], self.dilations[axis]);
        let (pad, kernel) = (self.pads[axis], self.kernel[axis]);
        let first = pad.saturating_sub(start).div_ceil(step).min(kernel);
        let end = (pad + size).saturating_sub(start).div_ceil(step);
        first..end.clamp(first, kernel)
    }

    /// Whether every window of an image holds at least one cell of it.
    pub(crate) fn always_sees(&self, image: [usize; 2]) -> bool {
        let Some(output) = self.output(image) else {
            return false;
        };
        (0..2).all(|axis| {
            (0..output[axis]).all(|index| !self.taps(axis, index, image[axis]).is_empty())
        })
    }
}

/// The average of each window: see [`AverageRule`](crate::AverageRule) for the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AveragePool {
    /// How the window moves; without dilations.
    pub window: Window,
    /// Whether cells of the padding, which are real 0, count in the number of cells.
    pub count_include_pad: bool,
}

/// `LayerNormalization` along the last axis, and a mean over the axis in front of it if one follows: see
/// [`LayerNormRule`](crate::LayerNormRule) for the arithmetic.
///
/// Maps `[.., D]` to itself, or `[.., L, D]` to `[.., D]` where there is a mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerNorm {
    /// What normalized cells are multiplied by, channel by channel.
    pub gamma: Vec<f32>,
    /// What is added to them.
    pub beta: Vec<f32>,
    /// What is added to the variance.
    pub epsilon: f32,
    /// Whether the mean of all rows along the last axis but one is taken.
    pub mean: bool,
}

impl LayerNorm {
    /// Rows of which the mean is taken, for an operand of this shape; 1 where there is no mean.
    pub fn rows(&self, x: &[usize]) -> usize {
        match x {
            [.., rows, _] if self.mean => *rows,
            _ => 1,
        }
    }
}

/// Two operands whose shapes are broadcast as numpy does: aligned at the last axis, sizes of 1
/// repeated.
///
/// The order is the one in which the arithmetic takes them; ONNX Runtime exchanges the operands of
/// a `QLinearAdd` in some cases, which the import has done already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elementwise {
    /// Constant operands. Where there is `None`, the operand is the next one of the node's inputs.
    pub constants: [Option<Constant>; 2],
}

/// A constant 8-bit tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constant {
    /// The shape.
    pub shape: Vec<usize>,
    /// The cells, row-major, zero point included.
    pub values: Vec<i16>,
    /// How the integers stand for reals.
    pub quantization: Quantization,
}

/// A function of 8-bit numbers.
#[derive(Clone, PartialEq, Eq)]
pub struct Table {
    /// The value at `x - xmin`, for each `x` of the operand's type.
    pub values: Box<[i16; 256]>,
}

// serde has no arrays of this size.
impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values.as_slice().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Vec::<i16>::deserialize(deserializer)?.into_boxed_slice();
        let values = values
            .try_into()
            .map_err(|_| serde::de::Error::custom("a table has 256 values"))?;
        Ok(Self { values })
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.values.iter()).finish()
    }
}

impl Table {
    /// Tabulates `f` over the values of a type.
    pub fn new(qtype: crate::QType, f: impl Fn(i32) -> i32) -> Self {
        let values = std::array::from_fn(|code| f(code as i32 + qtype.min()) as i16);
        Self {
            values: Box::new(values),
        }
    }

    /// The function at `x`, a value of `qtype`.
    ///
    /// # Panics
    /// If `x` is none.
    pub fn apply(&self, qtype: crate::QType, x: i32) -> i32 {
        i32::from(self.values[(x - qtype.min()) as usize])
    }
}

/// A frame of constant cells. Both lists have one entry for each axis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pad {
    /// Cells in front of the operand.
    pub before: Vec<usize>,
    /// Cells behind it.
    pub after: Vec<usize>,
    /// The value of the frame, in units of the tensor. Not necessarily the zero point.
    pub value: i32,
}
