//! Verilog of a design, after every check that can be made on the design itself.

use rust_hdl_core::check_error::CheckError;
use rust_hdl_core::prelude::{Block, ModuleDefines, check_all};

use crate::lint::{self, Finding};

/// Why a design has no Verilog.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Undriven signals, written inputs or combinational loops.
    #[error("the design is not sound: {0:?}")]
    Unsound(CheckError),
    /// Expressions that the generator would mistranslate.
    #[error("expressions that do not survive translation:\n{}", list(.0))]
    Mistranslated(Vec<Finding>),
}

fn list(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(|finding| format!("  {finding}\n"))
        .collect()
}

/// The Verilog of a connected design, its top module called `name`.
///
/// # Errors
/// If rust-hdl finds the design unsound, or the [lint] refuses an expression.
pub fn verilog(design: &dyn Block, name: &str) -> Result<String, ExportError> {
    check_all(design).map_err(ExportError::Unsound)?;
    let findings = lint::findings(design);
    if !findings.is_empty() {
        return Err(ExportError::Mistranslated(findings));
    }
    Ok(verilog_unlinted(design, name))
}

/// The Verilog of a connected design without the lint, to show what the lint is for.
pub fn verilog_unlinted(design: &dyn Block, name: &str) -> String {
    let mut modules = ModuleDefines::default();
    design.accept(name, &mut modules);
    modules.defines()
}

/// BLAKE3 of a Verilog text, in hexadecimal: what the golden list holds.
pub fn digest(verilog: &str) -> String {
    blake3::hash(verilog.as_bytes()).to_hex().to_string()
}
