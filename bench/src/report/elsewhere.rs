//! Systems that prove neural networks otherwise: measured on the spot where that is possible, else as published.

use std::fmt::{self, Formatter};

use super::{Report, kilobytes, megabytes};
use crate::ezkl::Ezkl;

impl Report {
    pub(super) fn elsewhere(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        match &self.ezkl {
            Some(ezkl) => measured(f, ezkl)?,
            None => f.write_str(UNMEASURED)?,
        }
        f.write_str(PUBLISHED)
    }
}

fn measured(f: &mut Formatter<'_>, ezkl: &Ezkl) -> fmt::Result {
    writeln!(
        f,
        "EZKL {} (Halo2, KZG), measured by `scripts/bench-ezkl.sh` on {}, all threads; not in the run of this report, so take CPU times, and \
         those as orders of magnitude. It proves the float network behind the model in a fixed point of its own.\n\n{EZKL_HEAD}\n{}",
        ezkl.version,
        ezkl.machine,
        "|---".repeat(9) + "|"
    )?;
    for network in &ezkl.networks {
        let (setup, prove) = (&network.setup, &network.prove);
        writeln!(
            f,
            "| `{}` | {:.1} | {:.1} | {} | {:.1} | {} | {} | {} | {:.0} |",
            network.network,
            network.srs.cpu_s + setup.cpu_s,
            network.witness.cpu_s + prove.cpu_s,
            megabytes(prove.peak_bytes),
            prove.wall_s,
            megabytes(network.proving_key_bytes),
            megabytes(network.srs_bytes),
            kilobytes(network.proof_bytes),
            network.verify.cpu_s * 1e3,
        )?;
    }
    writeln!(f)?;
    if !ezkl
        .networks
        .iter()
        .any(|network| network.network == "lenet_mnist")
    {
        f.write_str(LENET)?;
    }
    Ok(())
}

const LENET: &str = "\
LeNet was left out of that run (`--lenet` asks for it); on a quiet two-core x86-64 machine EZKL 23 proved one in 145 CPU s and 11.4 GB with a proving key of 4.6 GB, \
and verified it in 420 ms.

";

const HEAD: &str = "## Beside other systems for neural networks\n\n";

const EZKL_HEAD: &str = "| network | set-up CPU s | prove CPU s | peak MB | wall s | proving key MB | set-up string MB | proof KB | verify CPU ms |";

const UNMEASURED: &str = "\
EZKL was not measured on this machine: `scripts/bench-ezkl.sh` does so. On a two-core x86-64 machine, EZKL 23 proved an MLP 784-128-10 in 10-11 CPU s and 659 MB \
with a proving key of 277 MB, verified in 70-100 ms, and LeNet in 145 CPU s and 11.4 GB with a proving key of 4.6 GB, verified in 420 ms.

";

const PUBLISHED: &str = "\
As published by the projects, on machines of their own. Networks and machines differ, so read orders of magnitude, not ratios.

| system | network | prove | verify | what is proven |
|---|---|---|---|---|
| DeepProve (sumcheck) | CNN, 264 k parameters | 1.24 s | 600 ms | takes no integer ONNX |
| Jolt Atlas | nanoGPT | 2.3 s | 130 ms | not the runtime's int8 model |
| Bionetta | MobileNetV2, public weights | 24.5 s | - | not the runtime's int8 model |

None of these proves the int8 model bit for bit as the runtime executes it, which is what this report is about. EZKL's proofs are
far smaller than ours and can be verified on a blockchain; it relies on a trusted set-up and on pairings, we on a hash function.

";
