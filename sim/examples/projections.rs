//! Writes docs/hardware/projections.md: what the roofline model says of machines, beside the processor that this runs on.
//!
//!     cargo run --release -p winterforge-sim --example projections

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use winter_math::StarkField;
use winterforge_air::field::Felt;
use winterforge_prover::device::{CpuDevice, Device, Domain, Extension, Form};
use winterforge_sim::roofline::{Cost, MACHINES, Machine};
use winterforge_verifier::bundle::HashId;

/// Columns, logarithms of rows and of cosets.
const WORK: [(u64, u32, u32); 3] = [(12, 9, 3), (64, 14, 3), (64, 18, 3)];

/// What a machine takes for such work.
type Model = fn(&Machine, (u64, u32, u32)) -> Cost;

/// Runs of which the least counts.
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut text = "# Projections

Written by `cargo run --release -p winterforge-sim --example projections`. **No such machine was placed, routed, built or run**: these are
what the roofline model (`sim/src/roofline.rs`) makes of lanes, a clock and a link. The model counts cycles by the kernels' own schedules;
a test holds it against the Verilated kernels, within 3 %, at three sizes, three numbers of lanes and for trees. Work: columns are
extended from the values of a trace, rows hashed with BLAKE3, and the tree is built. Everything goes through the link once in each direction and job, as the
driver does it, but for what the scratch memory keeps, which the words going back outweigh. The engines work one after the other, and the link beside them.

| machine | lanes | words a cycle | longest transform | hash engines | clock, MHz | link, bytes/s |
|---|--:|--:|--:|--:|--:|--:|
"
    .to_owned();
    for machine in &MACHINES {
        let Machine {
            name,
            lanes,
            words_per_beat,
            log_n,
            hash_engines,
            clock_mhz,
            link_bytes_per_s,
            ..
        } = machine;
        writeln!(
            text,
            "| {name} | {lanes} | {words_per_beat} | 2^{log_n} | {hash_engines} | {clock_mhz} | {link_bytes_per_s:.1e} |"
        )?;
    }
    text += "\n| work | processor, one thread, measured |";
    for machine in &MACHINES {
        write!(text, " {}, projected |", machine.name)?;
    }
    text += "\n|---|--:|--:|--:|--:|\n";
    for (columns, log_rows, log_cosets) in WORK {
        let (extend_s, commit_s) = measure(columns as usize, log_rows, log_cosets)?;
        let log_size = log_rows + log_cosets;
        let works: [(String, f64, Model); 2] = [
            (
                format!("extend {columns} columns of 2^{log_rows} to 2^{log_size}"),
                extend_s,
                |machine, (columns, rows, cosets)| machine.extension(columns, rows, cosets),
            ),
            (
                format!("hash and tree of 2^{log_size} rows of {columns}"),
                commit_s,
                |machine, (columns, rows, cosets)| machine.tree(rows + cosets, columns),
            ),
        ];
        for (what, measured, cost) in works {
            write!(text, "| {what} | {} |", time(measured))?;
            for machine in &MACHINES {
                let cost = cost(machine, (columns, log_rows, log_cosets));
                let engines = Cost { bytes: 0, ..cost };
                let (all, alone) = (cost.seconds(machine), engines.seconds(machine));
                write!(text, " {} (engines alone {}) |", time(all), time(alone))?;
            }
            text.push('\n');
        }
    }
    write!(
        text,
        "\nProcessor: {}, RAYON_NUM_THREADS=1, least of {RUNS}.\n",
        processor()
    )?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/hardware/projections.md");
    std::fs::write(&file, text)?;
    println!("wrote {}", file.display());
    Ok(())
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.1} s"),
        s if s >= 1e-3 => format!("{:.1} ms", 1e3 * s),
        s => format!("{:.0} us", 1e6 * s),
    }
}

/// Seconds to extend, and to hash and build the tree.
fn measure(columns: usize, log_rows: u32, log_cosets: u32) -> Result<(f64, f64), Box<dyn Error>> {
    let device = CpuDevice::default();
    let cell = |index: usize| Felt::new((index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let words: Vec<Felt> = (0..columns << log_rows).map(cell).collect();
    let columns: Vec<&[Felt]> = words.chunks(1 << log_rows).collect();
    let job = Extension {
        columns: &columns,
        form: Form::Values,
        domain: Domain {
            log_rows,
            log_cosets,
            offset: Felt::GENERATOR,
        },
    };
    let (mut extend_s, mut commit_s) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..RUNS {
        let start = Instant::now();
        let matrix = device.extend(&job)?.data;
        extend_s = extend_s.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let leaves = device.hash_rows(HashId::Blake3, &matrix)?.data;
        device.merkle_tree(HashId::Blake3, leaves)?;
        commit_s = commit_s.min(start.elapsed().as_secs_f64());
    }
    Ok((extend_s, commit_s))
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(": "))
            .map_or("?", |(_, value)| value)
    };
    format!(
        "{} (family {}, model {})",
        field("model name"),
        field("cpu family"),
        field("model\t")
    )
}
