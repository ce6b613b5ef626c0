//! Refuses kernel expressions that rust-hdl 0.46 translates wrongly.
//!
//! The generator prints a Rust expression as Verilog token by token. The two languages disagree on
//! precedence and on widths, and nothing downstream notices: yosys and Verilator accept the
//! result, which computes something else than the simulation; other expressions become no Verilog
//! at all. [`specimens`] holds one kernel per known case; the co-simulation tests show each.
//!
//! The rule that keeps kernels safe: **put every arithmetic result in a `Local` signal of its full
//! width before comparing, slicing, casting or right-shifting it or shifting by it, and parenthesise
//! every mixture of operators.** The lint enforces a little more than that, so that it stays simple.

use rust_hdl_core::ast::{
    VerilogBlock, VerilogExpression as Expression, VerilogOp as Op, VerilogOpUnary as Unary,
};
use rust_hdl_core::prelude::{Atom, Block, Probe, Verilog, VerilogVisitor};
use rust_hdl_core::verilog_visitor::walk_expression;

pub mod specimens;

/// One unsafe expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Path of the module that holds it, from the top.
    pub module: String,
    /// What is wrong.
    pub defect: Defect,
    /// The expression, as rust-hdl holds it.
    pub expression: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}", self.module, self.defect, self.expression)
    }
}

/// The shapes that are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// `a & b == c`: Verilog binds `==` tighter than `&`, and prints no parentheses.
    #[error("mixed operators without parentheses")]
    Precedence,
    /// `a + 1 == b`: literals are 32 bits wide in Verilog, so the sum does not wrap.
    #[error("arithmetic inside a comparison")]
    ComparedArithmetic,
    /// `bit_cast((s * t) >> 16)`: a cast changes the width at which its operand is computed.
    #[error("cast of a compound expression")]
    CastArithmetic,
    /// `(a + 1) >> 1`: bits above the word survive until the shift.
    #[error("right shift of a compound expression")]
    ShiftedArithmetic,
    /// `a >> (b + 1)`: the literal makes the amount 32 bits wide, so that it does not wrap.
    #[error("shift by a compound expression")]
    ComputedShift,
    /// `(a + b).get_bits(..)`: Verilog can slice names only.
    #[error("slice of a compound expression")]
    SlicedArithmetic,
    /// A part called `table`: Verilog reserves the word.
    #[error("a name that Verilog reserves")]
    ReservedWord,
    /// `(a + 1).any()`: reduces bits above the word.
    #[error("reduction of a compound expression")]
    ReducedArithmetic,
}

/// Every unsafe expression of a design, in the order of the modules.
pub fn findings(design: &dyn Block) -> Vec<Finding> {
    let mut lint = Lint::default();
    design.accept("top", &mut lint);
    lint.findings
}

/// Words of Verilog and SystemVerilog that could be names of parts or signals.
const RESERVED_WORDS: &[&str] = &[
    "alias",
    "always",
    "and",
    "assert",
    "assign",
    "assume",
    "automatic",
    "before",
    "begin",
    "bind",
    "bins",
    "bit",
    "break",
    "buf",
    "byte",
    "case",
    "cell",
    "chandle",
    "checker",
    "class",
    "clocking",
    "config",
    "const",
    "constraint",
    "context",
    "continue",
    "cover",
    "cross",
    "deassign",
    "default",
    "define",
    "design",
    "disable",
    "dist",
    "do",
    "edge",
    "else",
    "end",
    "enum",
    "event",
    "eventually",
    "expect",
    "export",
    "extends",
    "extern",
    "final",
    "for",
    "force",
    "forever",
    "fork",
    "function",
    "generate",
    "genvar",
    "global",
    "highz0",
    "highz1",
    "if",
    "iff",
    "implies",
    "import",
    "include",
    "initial",
    "inout",
    "input",
    "inside",
    "instance",
    "int",
    "integer",
    "interconnect",
    "interface",
    "intersect",
    "join",
    "large",
    "let",
    "library",
    "local",
    "localparam",
    "logic",
    "longint",
    "macromodule",
    "matches",
    "medium",
    "modport",
    "module",
    "nand",
    "negedge",
    "nettype",
    "new",
    "nexttime",
    "nmos",
    "nor",
    "not",
    "null",
    "or",
    "output",
    "package",
    "packed",
    "parameter",
    "pmos",
    "posedge",
    "primitive",
    "priority",
    "program",
    "property",
    "protected",
    "pull0",
    "pull1",
    "pure",
    "rand",
    "randc",
    "real",
    "realtime",
    "ref",
    "reg",
    "reject_on",
    "release",
    "repeat",
    "restrict",
    "return",
    "scalared",
    "sequence",
    "shortint",
    "signed",
    "small",
    "soft",
    "solve",
    "specify",
    "static",
    "string",
    "strong",
    "struct",
    "super",
    "supply0",
    "supply1",
    "table",
    "tagged",
    "task",
    "this",
    "throughout",
    "time",
    "timeprecision",
    "timeunit",
    "tran",
    "tri",
    "type",
    "typedef",
    "union",
    "unique",
    "unsigned",
    "until",
    "untyped",
    "use",
    "var",
    "vectored",
    "virtual",
    "void",
    "wait",
    "wand",
    "weak",
    "while",
    "wildcard",
    "wire",
    "with",
    "within",
    "wor",
    "xnor",
    "xor",
];

#[derive(Default)]
struct Lint {
    path: Vec<String>,
    findings: Vec<Finding>,
}

impl Probe for Lint {
    fn visit_start_scope(&mut self, name: &str, node: &dyn Block) {
        self.check_name(name);
        self.path.push(name.into());
        if let Verilog::Combinatorial(block) = node.hdl() {
            self.visit_block(&block as &VerilogBlock);
        }
    }

    fn visit_atom(&mut self, name: &str, _signal: &dyn Atom) {
        self.check_name(name);
    }

    fn visit_end_scope(&mut self, _name: &str, _node: &dyn Block) {
        self.path.pop();
    }
}

impl Lint {
    fn check_name(&mut self, name: &str) {
        if RESERVED_WORDS.contains(&name) {
            let module = self.path.join(".");
            let finding = Finding {
                module,
                defect: Defect::ReservedWord,
                expression: name.into(),
            };
            self.findings.push(finding);
        }
    }

    fn report(&mut self, defect: Defect, expression: &Expression) {
        self.findings.push(Finding {
            module: self.path.join("."),
            defect,
            expression: format!("{expression:?}"),
        });
    }

    fn require(&mut self, holds: bool, defect: Defect, expression: &Expression) {
        if !holds {
            self.report(defect, expression);
        }
    }
}

impl VerilogVisitor for Lint {
    fn visit_expression(&mut self, e: &Expression) {
        match e {
            Expression::Binary(l, op, r) => {
                self.require(is_operand(l, op, true), Defect::Precedence, e);
                self.require(is_operand(r, op, false), Defect::Precedence, e);
                if is_comparison(op) {
                    let is_plain = !is_compound(l) && !is_compound(r);
                    self.require(is_plain, Defect::ComparedArithmetic, e);
                }
                if matches!(op, Op::Shr) {
                    self.require(!is_compound(l), Defect::ShiftedArithmetic, e);
                }
                if matches!(op, Op::Shr | Op::Shl) {
                    self.require(!is_compound(r), Defect::ComputedShift, e);
                }
            }
            Expression::Cast(inner, _)
            | Expression::Signed(inner)
            | Expression::Unsigned(inner) => {
                self.require(!is_compound(inner), Defect::CastArithmetic, e);
            }
            Expression::Slice(inner, _, _) | Expression::Index(inner, _) => {
                let is_name = matches!(inner.as_ref(), Expression::Signal(_));
                self.require(is_name, Defect::SlicedArithmetic, e);
            }
            Expression::Unary(Unary::All | Unary::Any | Unary::Xor, inner) => {
                self.require(!is_compound(inner), Defect::ReducedArithmetic, e);
            }
            Expression::Unary(_, inner) => {
                let is_binary = matches!(inner.as_ref(), Expression::Binary(..));
                self.require(!is_binary, Defect::Precedence, e);
            }
            _ => {}
        }
        walk_expression(self, e);
    }
}

fn is_comparison(op: &Op) -> bool {
    matches!(op, Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge)
}

fn is_logical(op: &Op) -> bool {
    matches!(op, Op::LogicalAnd | Op::LogicalOr)
}

/// Whether an operand means the same in both languages where it stands. Both evaluate `a + b + c`
/// from the left, and bind comparisons tighter than `&&` and `||`.
fn is_operand(operand: &Expression, parent: &Op, is_left: bool) -> bool {
    let Expression::Binary(_, op, _) = operand else {
        return true;
    };
    let is_same = std::mem::discriminant(op) == std::mem::discriminant(parent);
    let is_chain = is_left && is_same && !is_comparison(op);
    is_chain || (is_logical(parent) && is_comparison(op))
}

/// Whether the value of an expression depends on the width at which Verilog evaluates it.
fn is_compound(e: &Expression) -> bool {
    match e {
        Expression::Signal(_)
        | Expression::Literal(_)
        | Expression::Cast(..)
        | Expression::Index(..)
        | Expression::Slice(..) => false,
        Expression::Paren(inner) => is_compound(inner),
        // A shift to the right brings down only bits of the word, however wide it is evaluated.
        Expression::Binary(l, Op::Shr, _) => is_compound(l),
        Expression::Binary(l, Op::BitAnd | Op::BitOr | Op::BitXor, r) => {
            is_compound(l) || is_compound(r)
        }
        Expression::Binary(_, op, _) => !is_comparison(op) && !is_logical(op),
        Expression::Unary(Unary::All | Unary::Any | Unary::Xor, _) => false,
        Expression::Unary(..)
        | Expression::Signed(_)
        | Expression::Unsigned(_)
        | Expression::IndexReplace(..) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    #[test]
    fn every_specimen_is_refused() {
        for specimen in specimens::specimens() {
            let design = specimen.kernel.design();
            let found = findings(design.as_ref());
            let name = specimen.kernel.name;
            assert!(
                found.iter().any(|f| f.defect == specimen.defect),
                "{name}: {found:?}"
            );
            assert!(specimen.kernel.verilog().is_err(), "{name}");
        }
    }

    #[test]
    fn no_kernel_is_refused() {
        for kernel in registry::kernels() {
            let design = kernel.design();
            assert_eq!(findings(design.as_ref()), [], "{}", kernel.name);
        }
    }
}
