//! For every expression that the lint refuses: simulation and Verilog really differ, or it is no Verilog.

use std::process::Command;

use winterforge_hdl::design::Dut;
use winterforge_hdl::export::verilog_unlinted;
use winterforge_hdl::lint::specimens::specimens;
use winterforge_sim::Model;

fn output(dut: &mut dyn Dut, operands: [u128; 3]) -> u128 {
    for (port, value) in operands.into_iter().enumerate() {
        dut.set(port, value);
    }
    dut.settle();
    dut.get(3)
}

#[test]
fn simulation_and_verilog_differ() {
    let mut count = 0;
    for specimen in specimens() {
        let Some(witness) = specimen.witness else {
            continue;
        };
        let simulated = output(&mut specimen.kernel.simulation(), witness);
        let verilated = output(&mut Model::new(&specimen.kernel).unwrap(), witness);
        assert_ne!(simulated, verilated, "{}", specimen.kernel.name);
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn the_others_are_not_verilog() {
    for specimen in specimens() {
        if specimen.witness.is_some() {
            continue;
        }
        let name = specimen.kernel.name;
        let design = specimen.kernel.design();
        let file = std::env::temp_dir().join(format!("{name}_{}.v", std::process::id()));
        std::fs::write(&file, verilog_unlinted(design.as_ref(), name)).unwrap();
        let verdict = Command::new("verilator")
            .arg("--lint-only")
            .arg(&file)
            .output()
            .unwrap();
        std::fs::remove_file(&file).unwrap();
        let message = String::from_utf8_lossy(&verdict.stderr).into_owned();
        assert!(
            !verdict.status.success() && message.contains("syntax error"),
            "{name}: {message}"
        );
    }
}
