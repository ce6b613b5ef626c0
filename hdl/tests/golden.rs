//! The Verilog of every kernel is the one that was reviewed: it is not committed, its digest is.

use std::collections::BTreeSet;

use winterforge_hdl::export::digest;
use winterforge_hdl::registry::kernels;

#[test]
fn verilog_has_the_golden_digests() {
    let golden = include_str!("../golden.txt");
    let lines: String = kernels()
        .iter()
        .map(|kernel| format!("{}  {}\n", digest(&kernel.verilog().unwrap()), kernel.name))
        .collect();
    assert!(
        lines == golden,
        "the Verilog changed; if that was meant, write this to hdl/golden.txt:\n{lines}"
    );
}

#[test]
fn names_are_unique_identifiers() {
    let names: Vec<_> = kernels().iter().map(|kernel| kernel.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    for name in names {
        let is_identifier = name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        assert!(is_identifier, "{name}");
    }
}
