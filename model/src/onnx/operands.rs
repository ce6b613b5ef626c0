//! Constant operands: initializers decoded to numbers, scales and zero points.

use rten_onnx::onnx::{DataLocation, DataType, TensorProto};

use super::importer::{Importer, qtype};
use super::node::NodeView;
use crate::error::ImportError;
use crate::quantization::{QType, Quantization};
use crate::validate::is_usable_scale;

/// A constant operand of a node, not decoded yet: operands are used by several nodes and may be
/// large.
#[derive(Clone, Copy)]
pub(super) struct Operand<'m> {
    node: NodeView<'m>,
    role: &'static str,
    name: &'m str,
    tensor: &'m TensorProto,
}

impl<'m> Operand<'m> {
    /// The constant that the node has at `index`, or `None` if that is left out.
    pub(super) fn optional(
        importer: &Importer<'m>,
        node: NodeView<'m>,
        index: usize,
        role: &'static str,
    ) -> Result<Option<Self>, ImportError> {
        let Some(name) = node.input(index) else {
            return Ok(None);
        };
        let tensor = importer.constant(node, role, name)?;
        Ok(Some(Self {
            node,
            role,
            name,
            tensor,
        }))
    }

    /// The constant that the node must have at `index`.
    pub(super) fn required(
        importer: &Importer<'m>,
        node: NodeView<'m>,
        index: usize,
        role: &'static str,
    ) -> Result<Self, ImportError> {
        let name = node.require_input(index, role)?;
        let tensor = importer.constant(node, role, name)?;
        Ok(Self {
            node,
            role,
            name,
            tensor,
        })
    }

    /// An error about this operand.
    pub(super) fn error(&self, detail: String) -> ImportError {
        self.node.operand(self.role, self.name, detail)
    }

    pub(super) fn data_type(&self) -> DataType {
        self.tensor.data_type.unwrap_or(DataType(0))
    }

    /// The shape; empty for a scalar.
    pub(super) fn dims(&self) -> Result<Vec<usize>, ImportError> {
        let dims = self.tensor.dims.iter().map(|&d| usize::try_from(d));
        dims.collect::<Result<_, _>>()
            .map_err(|_| self.error(format!("has the impossible shape {:?}", self.tensor.dims)))
    }

    /// The number of elements, which the stored data must have.
    pub(super) fn len(&self) -> Result<usize, ImportError> {
        let len = self
            .dims()?
            .iter()
            .try_fold(1usize, |n, &d| n.checked_mul(d));
        len.ok_or_else(|| self.error(format!("has the impossible shape {:?}", self.tensor.dims)))
    }

    /// Checks that 8-bit numbers of this shape are really there. Whatever is then allocated by the
    /// shape is bounded by the file, before anything is decoded.
    pub(super) fn check_bytes_are_stored(&self) -> Result<(), ImportError> {
        let len = self.len()?;
        let raw = self.tensor.raw_data.as_ref().map(|raw| raw.borrow().len());
        let found = raw.unwrap_or(self.tensor.int32_data.len());
        if found == len {
            return Ok(());
        }
        self.check_is_inside()?;
        let dims = &self.tensor.dims;
        Err(self.error(format!(
            "holds {found} numbers, but its shape {dims:?} takes {len}"
        )))
    }

    fn check_is_inside(&self) -> Result<(), ImportError> {
        let location = self.tensor.data_location.unwrap_or(DataLocation::DEFAULT);
        if location == DataLocation::DEFAULT && self.tensor.external_data.is_empty() {
            return Ok(());
        }
        let detail = "is stored in another file; save the model with its data inside";
        Err(self.error(detail.to_string()))
    }

    /// Numbers stored raw with `N` bytes each, or else in the typed list `typed`.
    fn decode<const N: usize, S: Copy, T>(
        &self,
        from_raw: impl Fn([u8; N]) -> T,
        typed: &[S],
        from_typed: impl Fn(S) -> Option<T>,
    ) -> Result<Vec<T>, ImportError> {
        self.check_is_inside()?;
        let len = self.len()?;
        let size_error = |found: usize| {
            let dims = &self.tensor.dims;
            self.error(format!(
                "holds {found} numbers, but its shape {dims:?} takes {len}"
            ))
        };
        if let Some(raw) = &self.tensor.raw_data {
            if !typed.is_empty() {
                return Err(self.error("is stored twice, raw and typed".to_string()));
            }
            let raw = raw.borrow();
            let (numbers, rest) = raw.as_chunks::<N>();
            if numbers.len() != len || !rest.is_empty() {
                return Err(size_error(numbers.len()));
            }
            return Ok(numbers.iter().map(|&bytes| from_raw(bytes)).collect());
        }
        if typed.len() != len {
            return Err(size_error(typed.len()));
        }
        let numbers = typed.iter().map(|&v| from_typed(v)).collect::<Option<_>>();
        numbers.ok_or_else(|| self.error("holds a number outside of its type".to_string()))
    }

    fn wrong_type<T>(&self, expected: &str) -> Result<T, ImportError> {
        let site = self.node.site();
        let (role, name) = (self.role, self.name);
        let found = self.data_type();
        let name = crate::error::Shown(name);
        let detail = format!("{role} `{name}` is of type {found}, but must be {expected}");
        Err(ImportError::Type { site, detail })
    }

    pub(super) fn floats(&self) -> Result<Vec<f32>, ImportError> {
        match self.data_type() {
            DataType::FLOAT => self.decode(f32::from_le_bytes, &self.tensor.float_data, Some),
            _ => self.wrong_type("FLOAT"),
        }
    }

    /// One float, of shape `[]` or `[1]`.
    pub(super) fn float(&self) -> Result<f32, ImportError> {
        match (self.dims()?.len(), self.floats()?.as_slice()) {
            (0 | 1, &[value]) => Ok(value),
            _ => Err(self.error("must be one number (per tensor, not per channel)".to_string())),
        }
    }

    pub(super) fn int32s(&self) -> Result<Vec<i32>, ImportError> {
        match self.data_type() {
            DataType::INT32 => self.decode(i32::from_le_bytes, &self.tensor.int32_data, Some),
            _ => self.wrong_type("INT32"),
        }
    }

    pub(super) fn int64s(&self) -> Result<Vec<i64>, ImportError> {
        match self.data_type() {
            DataType::INT64 => self.decode(i64::from_le_bytes, &self.tensor.int64_data, Some),
            _ => self.wrong_type("INT64"),
        }
    }

    /// The 8-bit type of this operand.
    pub(super) fn qtype(&self) -> Result<QType, ImportError> {
        qtype(self.data_type()).map_or_else(|| self.wrong_type("INT8 or UINT8"), Ok)
    }

    /// 8-bit numbers as they are stored.
    pub(super) fn bytes(&self) -> Result<(QType, Vec<i16>), ImportError> {
        let typed = &self.tensor.int32_data;
        let qtype = self.qtype()?;
        let from_typed = |v: i32| qtype.contains(v).then_some(v as i16);
        let values = match qtype {
            QType::I8 => self.decode(|[b]: [u8; 1]| i16::from(b as i8), typed, from_typed),
            QType::U8 => self.decode(|[b]: [u8; 1]| i16::from(b), typed, from_typed),
        };
        Ok((qtype, values?))
    }

    /// One 8-bit number, of shape `[]` or `[1]`.
    pub(super) fn byte(&self) -> Result<(QType, i32), ImportError> {
        let (qtype, values) = self.bytes()?;
        match (self.dims()?.len(), values.as_slice()) {
            (0 | 1, &[value]) => Ok((qtype, i32::from(value))),
            _ => Err(self.error("must be one number (per tensor, not per channel)".to_string())),
        }
    }
}

/// The scale at `index` and the zero point behind it, for a whole tensor.
pub(super) fn per_tensor<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    index: usize,
    roles: [&'static str; 2],
) -> Result<Quantization, ImportError> {
    let scale = Operand::required(importer, node, index, roles[0])?;
    let (qtype, zero_point) = Operand::required(importer, node, index + 1, roles[1])?.byte()?;
    Ok(Quantization {
        scale: usable(&scale, scale.float()?, None)?,
        zero_point,
        qtype,
    })
}

/// As [`per_tensor`], for operators that ONNX Runtime takes with scalars only.
pub(super) fn per_scalar<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    index: usize,
    roles: [&'static str; 2],
) -> Result<Quantization, ImportError> {
    for (index, role) in [(index, roles[0]), (index + 1, roles[1])] {
        let operand = Operand::required(importer, node, index, role)?;
        let dims = operand.dims()?;
        if !dims.is_empty() {
            return Err(operand.error(format!(
                "has shape {dims:?}, but this operator takes a scalar (rank 0) only; reshape it"
            )));
        }
    }
    per_tensor(importer, node, index, roles)
}

/// As [`per_tensor`], but the zero point may be absent and is then 0, of type `default`.
pub(super) fn scale_and_zero_point<'m>(
    importer: &Importer<'m>,
    node: NodeView<'m>,
    index: usize,
    roles: [&'static str; 2],
    default: QType,
) -> Result<Quantization, ImportError> {
    if node.input(index + 1).is_some() {
        return per_tensor(importer, node, index, roles);
    }
    let scale = Operand::required(importer, node, index, roles[0])?;
    Ok(Quantization {
        scale: usable(&scale, scale.float()?, None)?,
        zero_point: 0,
        qtype: default,
    })
}

/// A scale that conversions are exact with.
pub(super) fn usable(
    operand: &Operand<'_>,
    scale: f32,
    channel: Option<usize>,
) -> Result<f32, ImportError> {
    if is_usable_scale(scale) {
        return Ok(scale);
    }
    let channel = channel.map_or(String::new(), |c| format!(" of channel {c}"));
    Err(operand.node.quantization(format!(
        "{} `{}`: the scale{channel} is {scale:e}; it must be a positive normal float32 below 2^119",
        operand.role,
        crate::error::Shown(operand.name)
    )))
}
