//! Embeddings by constant numbers: what a `Gather` takes out of a constant table is one more constant. In QDQ form the table
//! is quantized, and so is what is taken out of it.
//!
//! Whatever is irregular is left as it is, for the import to complain about.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use rten_onnx::onnx::{AttributeProto, AttributeType, DataLocation, DataType};
use rten_onnx::onnx::{GraphProto, NodeProto, TensorProto};

use crate::validate::is_usable_scale;

/// Bytes that tables and what is taken out of them may be in all, for each byte of the file.
const BYTES_PER_FILE_BYTE: usize = 16;

/// Replaces each `Gather` of constants.
pub(super) fn fold(graph: &mut GraphProto, file_bytes: usize) {
    if graph.node.iter().any(|node| is(node, "Gather")) {
        let budget = file_bytes.saturating_mul(BYTES_PER_FILE_BYTE);
        Folding::new(graph, budget).run(graph);
    }
}

/// What is known of the names so far.
struct Folding {
    initializers: Vec<TensorProto>,
    by_name: HashMap<String, usize>,
    /// The values of `Constant` nodes.
    values: HashMap<String, TensorProto>,
    /// `DequantizeLinear` of constants, by their results.
    dequantized: HashMap<String, NodeProto>,
    /// Integers that are quantized from what they stand for: their other name.
    aliases: HashMap<String, String>,
    /// Names of what the model is fed with.
    inputs: HashSet<String>,
    budget: usize,
}

impl Folding {
    fn new(graph: &mut GraphProto, budget: usize) -> Self {
        let initializers = std::mem::take(&mut graph.initializer);
        let named = initializers.iter().enumerate();
        let named = named.filter_map(|(index, tensor)| Some((tensor.name.clone()?, index)));
        Self {
            by_name: named.collect(),
            initializers,
            values: HashMap::new(),
            dequantized: HashMap::new(),
            aliases: HashMap::new(),
            inputs: graph.input.iter().flat_map(|v| v.name.clone()).collect(),
            budget,
        }
    }

    fn constant(&self, name: &str) -> Option<&TensorProto> {
        let initializer = self.by_name.get(name);
        let initializer = initializer.and_then(|&index| self.initializers.get(index));
        initializer.or_else(|| self.values.get(name))
    }

    fn spend(&mut self, bytes: usize) -> Option<()> {
        let rest = self.budget.checked_sub(bytes);
        self.budget = rest.unwrap_or(0);
        rest.map(|_| ())
    }

    fn add(&mut self, tensor: TensorProto) {
        let name = tensor.name.clone().unwrap_or_default();
        self.by_name.insert(name, self.initializers.len());
        self.initializers.push(tensor);
    }

    /// In the order of the file, which is topological.
    fn run(mut self, graph: &mut GraphProto) {
        let nodes = std::mem::take(&mut graph.node);
        for mut node in nodes {
            for name in &mut node.input {
                if let Some(other) = self.aliases.get(name) {
                    name.clone_from(other);
                }
            }
            self.learn(&node);
            if let Some(tensor) = self.gathered(&node) {
                self.add(tensor);
            } else if let Some((tensor, dequantize)) = self.gathered_reals(&node) {
                self.add(tensor);
                self.learn(&dequantize);
                graph.node.push(dequantize);
            } else if !self.is_seam(&node) {
                graph.node.push(node);
            }
        }
        graph.initializer = self.initializers;
    }

    fn learn(&mut self, node: &NodeProto) {
        let Some(output) = node.output.first() else {
            return;
        };
        let value = attribute(node, "value").and_then(tensor_of);
        if let (true, Some(tensor)) = (is(node, "Constant"), value) {
            self.values.insert(output.clone(), tensor.clone());
        }
        let x = node.input.first().and_then(|name| self.constant(name));
        if is(node, "DequantizeLinear") && x.is_some() {
            self.dequantized.insert(output.clone(), node.clone());
        }
    }

    /// The constant that a `Gather` of constants is.
    fn gathered(&mut self, node: &NodeProto) -> Option<TensorProto> {
        let [data, _] = node.input.as_slice() else {
            return None;
        };
        let output = node.output.first()?.clone();
        self.take(node, data, output)
    }

    /// The same for a table of reals that integers stand for: the integers, and what dequantizes them.
    fn gathered_reals(&mut self, node: &NodeProto) -> Option<(TensorProto, NodeProto)> {
        let [data, _] = node.input.as_slice() else {
            return None;
        };
        let mut dequantize = self.dequantized.get(data)?.clone();
        let (x, scale) = (dequantize.input.first()?, dequantize.input.get(1)?);
        // One scale for all of it: whatever the cells, they keep it.
        if self.constant(scale)?.dims.iter().any(|&size| size != 1) {
            return None;
        }
        let output = node.output.first()?.clone();
        let name = format!("{output} of integers");
        // A constant of that name would take the input's place.
        if self.inputs.contains(&name) {
            return None;
        }
        let tensor = self.take(node, x, name)?;
        dequantize.input[0] = tensor.name.clone()?;
        dequantize.output = vec![output];
        dequantize.name.clone_from(&node.name);
        Some((tensor, dequantize))
    }

    /// Whether a node gives constant integers back that it was quantized from; they then go by one name. Its zero point must be of
    /// their type, which is the type of its result, and its scale one number that conversions are exact with: otherwise others may
    /// come back.
    fn is_seam(&mut self, node: &NodeProto) -> bool {
        let number = |name: &str| {
            let tensor = self.constant(name)?;
            let is_one = tensor.dims.iter().all(|&size| size == 1);
            is_one.then_some((tensor.data_type?, stored(tensor)?))
        };
        let same = |a: &str, b: &str| number(a).is_some_and(|a| number(b) == Some(a));
        let is_plain = |node: &NodeProto| {
            let mut attributes = node.attribute.iter();
            attributes.all(|attribute| attribute.name.as_deref() == Some("axis"))
        };
        let (true, [x, scale, zero_point], [output]) = (
            is(node, "QuantizeLinear"),
            node.input.as_slice(),
            node.output.as_slice(),
        ) else {
            return false;
        };
        let Some(origin) = self.dequantized.get(x) else {
            return false;
        };
        let [integers, s, z] = origin.input.as_slice() else {
            return false;
        };
        let is_usable = |name: &str| match number(name) {
            Some((DataType::FLOAT, (_, bytes))) => {
                let bytes = bytes.try_into().map(f32::from_le_bytes);
                bytes.is_ok_and(is_usable_scale)
            }
            _ => false,
        };
        let data_type = |name: &str| self.constant(name).and_then(|tensor| tensor.data_type);
        let is_seam = is_plain(node)
            && is_plain(origin)
            && is_usable(s)
            && same(s, scale)
            && same(z, zero_point)
            && data_type(integers) == data_type(z);
        if is_seam {
            self.aliases.insert(output.clone(), integers.clone());
        }
        is_seam
    }

    /// The chosen cells of a table.
    fn take(&mut self, node: &NodeProto, table: &str, name: String) -> Option<TensorProto> {
        if !is(node, "Gather") {
            return None;
        }
        // Of two it would not be clear which.
        let axis = match node.attribute.as_slice() {
            [] => 0,
            [axis]
                if axis.name.as_deref() == Some("axis")
                    && axis.r#type == Some(AttributeType::INT) =>
            {
                axis.i.unwrap_or(0)
            }
            _ => return None,
        };
        let indices = node.input.get(1)?;
        // Before anything is copied; whoever exceeds it has no budget left.
        let cost = [self.constant(table)?, self.constant(indices)?].map(stored_len);
        self.spend(cost[0].saturating_add(cost[1]))?;
        let (table, indices) = (self.constant(table)?, self.constant(indices)?);
        let (width, bytes) = stored(table)?;
        let sizes = sizes(table)?;
        let axis = if axis < 0 {
            axis + sizes.len() as i64
        } else {
            axis
        };
        let axis = usize::try_from(axis)
            .ok()
            .filter(|&axis| axis < sizes.len())?;
        let (index_width, index_bytes) = stored(indices)?;
        let size = sizes[axis] as i64;
        let index = |bytes: &[u8]| {
            let index = match indices.data_type {
                Some(DataType::INT32) => i64::from(i32::from_le_bytes(bytes.try_into().ok()?)),
                Some(DataType::INT64) => i64::from_le_bytes(bytes.try_into().ok()?),
                _ => return None,
            };
            let index = if index < 0 {
                index.checked_add(size)?
            } else {
                index
            };
            (0..size).contains(&index).then_some(index as usize)
        };
        let chosen = index_bytes.chunks_exact(index_width).map(index);
        let chosen: Vec<usize> = chosen.collect::<Option<_>>()?;
        let outer = product(1, &sizes[..axis])?;
        let block = product(width, &sizes[axis + 1..])?;
        let taken = outer.checked_mul(block)?.checked_mul(chosen.len())?;
        let dims = [&table.dims[..axis], &indices.dims, &table.dims[axis + 1..]].concat();
        let data_type = table.data_type;
        self.spend(taken)?;
        let mut cells = Vec::new();
        for row in 0..outer {
            for index in &chosen {
                let start = (row * sizes[axis] + index) * block;
                cells.extend_from_slice(bytes.get(start..start + block)?);
            }
        }
        Some(TensorProto {
            dims,
            data_type,
            raw_data: Some(RefCell::new(cells)),
            name: Some(name),
            ..TensorProto::default()
        })
    }
}

/// The tensor that an attribute is. What its type does not say it holds as well is not it.
pub(super) fn tensor_of(attribute: &AttributeProto) -> Option<&TensorProto> {
    let is_tensor = attribute.r#type == Some(AttributeType::TENSOR);
    attribute.t.as_ref().filter(|_| is_tensor)
}

pub(super) fn is(node: &NodeProto, operator: &str) -> bool {
    let is_standard = matches!(node.domain.as_deref(), None | Some("" | "ai.onnx"));
    is_standard && node.op_type.as_deref() == Some(operator)
}

fn attribute<'n>(node: &'n NodeProto, name: &str) -> Option<&'n AttributeProto> {
    (node.attribute.iter()).find(|attribute| attribute.name.as_deref() == Some(name))
}

/// The shape, if it is that of stored numbers.
fn sizes(tensor: &TensorProto) -> Option<Vec<usize>> {
    let sizes = tensor.dims.iter().map(|&size| usize::try_from(size).ok());
    sizes.collect()
}

/// The bytes of a number, and those of all numbers of a tensor, which its shape agrees with.
fn stored(tensor: &TensorProto) -> Option<(usize, Vec<u8>)> {
    let location = tensor.data_location.unwrap_or(DataLocation::DEFAULT);
    if location != DataLocation::DEFAULT || !tensor.external_data.is_empty() {
        return None;
    }
    let width = match tensor.data_type? {
        DataType::INT8 | DataType::UINT8 => 1,
        DataType::FLOAT | DataType::INT32 => 4,
        DataType::INT64 => 8,
        _ => return None,
    };
    let typed = tensor.float_data.len() + tensor.int32_data.len() + tensor.int64_data.len();
    let byte = |&v: &i32| match tensor.data_type {
        Some(DataType::INT8) => i8::try_from(v).ok().map(|v| v as u8),
        _ => u8::try_from(v).ok(),
    };
    let bytes: Vec<u8> = match (&tensor.raw_data, width) {
        (Some(_), _) if typed > 0 => return None,
        (Some(raw), _) => raw.borrow().clone(),
        (None, 1) => tensor.int32_data.iter().map(byte).collect::<Option<_>>()?,
        (None, 8) => (tensor.int64_data.iter())
            .flat_map(|v| v.to_le_bytes())
            .collect(),
        (None, _) if tensor.data_type == Some(DataType::INT32) => (tensor.int32_data.iter())
            .flat_map(|v| v.to_le_bytes())
            .collect(),
        (None, _) => (tensor.float_data.iter())
            .flat_map(|v| v.to_le_bytes())
            .collect(),
    };
    (product(width, &sizes(tensor)?)? == bytes.len()).then_some((width, bytes))
}

/// About the bytes that a tensor takes.
fn stored_len(tensor: &TensorProto) -> usize {
    let raw = tensor.raw_data.as_ref().map_or(0, |raw| raw.borrow().len());
    let typed = [
        &tensor.float_data.len(),
        &tensor.int32_data.len(),
        &tensor.int64_data.len(),
    ];
    raw.saturating_add(8 * typed.into_iter().sum::<usize>())
}

fn product(first: usize, sizes: &[usize]) -> Option<usize> {
    sizes.iter().try_fold(first, |n, &size| n.checked_mul(size))
}
