//! Verilog of a design, after every check that can be made on the design itself.

use rust_hdl_core::check_error::CheckError;
use rust_hdl_core::prelude::{Block, ModuleDefines, check_all};

use crate::design::Port;
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

/// A Verilog module `harness` around a kernel for placing it alone: three pins whatever the width
/// of its ports. Inputs come from a shift register, outputs go into a signature register, so that
/// every path of the kernel begins and ends in a register and nothing is optimised away.
pub fn harness(name: &str, ports: &[Port]) -> String {
    let width = |is_input: bool| -> usize {
        ports
            .iter()
            .filter(|port| port.is_input == is_input)
            .map(|port| port.width)
            .sum()
    };
    let (inputs, outputs) = (width(true), width(false));
    let mut next = [0, 0];
    let mut pins = String::new();
    for port in ports {
        let (bus, offset) = if port.is_input {
            ("stimulus", 0)
        } else {
            ("response", 1)
        };
        let low = next[offset];
        next[offset] += port.width;
        let Port { name, .. } = port;
        pins += &format!(",\n        .{name}({bus}[{}:{low}])", next[offset] - 1);
    }
    format!(
        "\
module harness(input clock, input serial_in, output serial_out);
    reg [{inputs}:0] stimulus = 0;
    wire [{response_msb}:0] response;
    reg [{outputs}:0] signature = 0;
    {name} kernel(
        .clock(clock){pins}
    );
    always @(posedge clock) begin
        stimulus <= {{stimulus[{stimulus_msb}:0], serial_in}};
        signature <= {{signature[{response_msb}:0], signature[{outputs}]}} ^ {{1'b0, response}};
    end
    assign serial_out = signature[{outputs}];
endmodule
",
        response_msb = outputs - 1,
        stimulus_msb = inputs - 1,
    )
}
