//! The machine-independent counts of the report, held against golden numbers: a change of what a proof costs has to
//! show in a diff.

use winterforge_bench::counts;

#[test]
fn counts_are_the_golden_ones() -> Result<(), Box<dyn std::error::Error>> {
    let found = counts::to_json(&counts::all()?);
    let golden = include_str!("counts.json");
    let drift: Vec<String> = (found.lines().zip(golden.lines()).enumerate())
        .filter(|(_, (found, golden))| found != golden)
        .map(|(line, (found, golden))| {
            format!("line {}: {} -> {}", line + 1, golden.trim(), found.trim())
        })
        .collect();
    assert!(
        found == golden,
        "the counts of a plan changed:\n{}\nIf that is meant, regenerate and look at the diff:\n  \
         cargo run --release -p winterforge-bench -- --counts-json > bench/tests/counts.json",
        drift.join("\n")
    );
    Ok(())
}

#[test]
fn tables_add_up() -> Result<(), Box<dyn std::error::Error>> {
    for count in counts::all()? {
        let tables = || count.shards.iter().flat_map(|shard| &shard.tables);
        let main: u64 = tables().map(|table| table.main_cells).sum();
        let aux: u64 = tables().map(|table| table.aux_cells).sum();
        assert_eq!((main, aux), (count.main_cells, count.aux_cells));
        let values: u64 = tables().map(|table| table.values).sum();
        // Attention has values in front of its outputs.
        let has_hidden = tables().any(|table| table.kind == "divide");
        assert_eq!(values != count.outputs(), has_hidden, "{}", count.model);
    }
    Ok(())
}
