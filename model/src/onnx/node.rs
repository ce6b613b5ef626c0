//! A node of the file: its operands and attributes, and errors that name it.

use rten_onnx::onnx::{AttributeProto, AttributeType, NodeProto};

use crate::error::{ImportError, Shown, Site};

/// A node of the file together with the file's name, for diagnostics.
#[derive(Clone, Copy)]
pub(super) struct NodeView<'m> {
    pub(super) proto: &'m NodeProto,
    pub(super) file: &'m str,
}

impl<'m> NodeView<'m> {
    pub(super) fn domain(&self) -> &'m str {
        match self.proto.domain.as_deref().unwrap_or("") {
            "ai.onnx" => "",
            domain => domain,
        }
    }

    pub(super) fn op_type(&self) -> &'m str {
        self.proto.op_type.as_deref().unwrap_or("")
    }

    /// The node's name, or its output's where it has none.
    pub(super) fn name(&self) -> &'m str {
        match self.proto.name.as_deref() {
            None | Some("") => self.proto.output.first().map_or("", String::as_str),
            Some(name) => name,
        }
    }

    pub(super) fn site(&self) -> Box<Site> {
        let operator = match self.domain() {
            "" => self.op_type().to_string(),
            domain => format!("{domain}.{}", self.op_type()),
        };
        Box::new(Site {
            file: self.file.to_string(),
            node: self.name().to_string(),
            operator,
        })
    }

    /// The operand at `index`, unless it is left out.
    pub(super) fn input(&self, index: usize) -> Option<&'m str> {
        self.proto
            .input
            .get(index)
            .map(String::as_str)
            .filter(|name| !name.is_empty())
    }

    /// The operand at `index`, which the operator cannot do without.
    pub(super) fn require_input(&self, index: usize, role: &str) -> Result<&'m str, ImportError> {
        self.input(index).ok_or_else(|| ImportError::Operand {
            site: self.site(),
            operand: role.to_string(),
            detail: format!("operand {index} is missing, and there is no default for it"),
        })
    }

    /// Refuses operands that the operator does not have.
    pub(super) fn expect_inputs(&self, at_most: usize) -> Result<(), ImportError> {
        if self.proto.input.len() <= at_most {
            return Ok(());
        }
        let found = self.proto.input.len();
        Err(self.unsupported(format!(
            "has {found} operands where at most {at_most} are supported"
        )))
    }

    /// Refuses attributes whose meaning is not known here.
    pub(super) fn expect_attributes(&self, known: &[&str]) -> Result<(), ImportError> {
        for attribute in &self.proto.attribute {
            let name = attribute.name.as_deref().unwrap_or("");
            if !known.contains(&name) {
                let known = known.join(", ");
                return Err(self.attribute(name, format!("not supported; known are: {known}")));
            }
            if self
                .proto
                .attribute
                .iter()
                .filter(|a| a.name == attribute.name)
                .count()
                > 1
            {
                return Err(self.attribute(name, "given twice".to_string()));
            }
        }
        Ok(())
    }

    pub(super) fn find(&self, name: &str) -> Option<&'m AttributeProto> {
        self.proto
            .attribute
            .iter()
            .find(|a| a.name.as_deref() == Some(name))
    }

    /// An integer attribute, or its default.
    pub(super) fn int(&self, name: &str, default: i64) -> Result<i64, ImportError> {
        let Some(attribute) = self.find(name) else {
            return Ok(default);
        };
        match attribute.r#type {
            Some(AttributeType::INT) => Ok(attribute.i.unwrap_or(0)),
            _ => Err(self.attribute(name, "must be an integer".to_string())),
        }
    }

    /// A float attribute, or its default.
    pub(super) fn float(&self, name: &str, default: f32) -> Result<f32, ImportError> {
        let Some(attribute) = self.find(name) else {
            return Ok(default);
        };
        match attribute.r#type {
            Some(AttributeType::FLOAT) => Ok(attribute.f.unwrap_or(0.0)),
            _ => Err(self.attribute(name, "must be a float".to_string())),
        }
    }

    /// A list of integers, or `None` where it is absent.
    pub(super) fn ints(&self, name: &str) -> Result<Option<&'m [i64]>, ImportError> {
        let Some(attribute) = self.find(name) else {
            return Ok(None);
        };
        match attribute.r#type {
            Some(AttributeType::INTS) => Ok(Some(&attribute.ints)),
            _ => Err(self.attribute(name, "must be a list of integers".to_string())),
        }
    }

    /// A string attribute, or its default.
    pub(super) fn string(&self, name: &str, default: &'m str) -> Result<&'m str, ImportError> {
        let Some(attribute) = self.find(name) else {
            return Ok(default);
        };
        match attribute.r#type {
            Some(AttributeType::STRING) => Ok(attribute.s.as_deref().unwrap_or("")),
            _ => Err(self.attribute(name, "must be a string".to_string())),
        }
    }

    /// An attribute that is 0 or 1, or its default.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, ImportError> {
        match self.int(name, i64::from(default))? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.attribute(name, format!("is {other}, but must be 0 or 1"))),
        }
    }

    pub(super) fn unsupported(&self, detail: String) -> ImportError {
        ImportError::Operator {
            site: self.site(),
            detail,
        }
    }

    pub(super) fn attribute(&self, attribute: &str, detail: String) -> ImportError {
        let attribute = Shown(attribute).to_string();
        ImportError::Attribute {
            site: self.site(),
            attribute,
            detail,
        }
    }

    pub(super) fn operand(&self, role: &str, name: &str, detail: String) -> ImportError {
        let operand = format!("{role} `{}`", Shown(name));
        ImportError::Operand {
            site: self.site(),
            operand,
            detail,
        }
    }

    pub(super) fn shape(&self, detail: String) -> ImportError {
        ImportError::Shape {
            site: self.site(),
            detail,
        }
    }

    pub(super) fn mistyped(&self, detail: String) -> ImportError {
        ImportError::Type {
            site: self.site(),
            detail,
        }
    }

    pub(super) fn quantization(&self, detail: String) -> ImportError {
        ImportError::Quantization {
            site: self.site(),
            detail,
        }
    }
}
