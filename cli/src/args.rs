//! The command line: flags, their values and their help.

use std::ops::Range;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use winterforge_air::plan::PlanParameters;
use winterforge_verifier::Policy;
use winterforge_verifier::bundle::{HashId, Parameters};
use winterforge_verifier::security::{Profile, SecurityLevel};

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or accepted
  1  bad input: a file is unreadable, undecodable or unsupported
  2  usage
  3  understood, but rejected
  4  a hardware flow failed: a simulation differs, a tool is missing

With --json, standard output holds one JSON object a line and nothing else.
Messages and progress go to standard error.";

/// Prove that an int8 ONNX model produced an output, bit for bit as ONNX Runtime computes it.
#[derive(Debug, Parser)]
#[command(name = "winterforge", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Print JSON: one object a line on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prove a built-in digit classifier on real inputs, verify, and watch forgeries being rejected
    #[command(after_help = "Example:\n  winterforge demo")]
    Demo(DemoArguments),
    /// Run a model exactly, without a proof
    #[command(after_help = "\
--check runs ONNX Runtime through the Python that WINTERFORGE_PYTHON names, or python3, and ends with exit code 3 where an
output differs.

Examples:
  winterforge run model.onnx --input inputs.npz --index 7
  winterforge run model.onnx --input inputs.npz --all --json")]
    Run(RunArguments),
    /// Prove what a model returns for one sample or for a batch
    #[command(after_help = "\
Without -o the bundle goes to the current folder, under the model's name: model.onnx gives model.wfp.
The same model, input, security and profile give the same bytes on every machine.

Examples:
  winterforge prove model.onnx --input inputs.npz --index 7 -o seven.wfp
  winterforge prove model.onnx --input inputs.npz --indices 0..64 --dry-run")]
    Prove(ProveArguments),
    /// Commit to a model: the key for verifiers who do not hold it
    #[command(after_help = "\
The key says nothing of the weights but a hash, and verification with it takes no model. A verifier must know where a
key comes from: the same setup of the same model gives the same bytes, so whoever holds the model can check it.

Example:
  winterforge setup model.onnx -o model.wfk
  winterforge prove model.onnx --key model.wfk --input inputs.npz --index 7 -o seven.wfp
  winterforge verify seven.wfp --key model.wfk")]
    Setup(SetupArguments),
    /// Sign a bundle, or a key that others are to trust
    #[command(after_help = "\
The signature goes beside FILE, as FILE.intoto.jsonl: an in-toto statement in a DSSE envelope, one line for each signer. With
--model a bundle is verified first, and a key made again from the model and compared; what fails is not signed. The
statement then names the model's files by the digest of OpenSSF model-signing.

Examples:
  openssl genpkey -algorithm ed25519 -out signer.pem
  openssl pkey -in signer.pem -pubout -out signer.pub
  winterforge sign seven.wfp --key-file signer.pem --model model.onnx
  winterforge sign model.wfk --key-file signer.pem --model model.onnx")]
    Sign(SignArguments),
    /// Verify a bundle against a model or its key
    #[command(after_help = "\
Exit code 0: the model returned the bundle's output for the bundle's input.
Exit code 3: the bundle was understood and is rejected. Reasons:
  other-model             it is about another model
  other-input             it is about another input than --input
  insufficient-security   it proves fewer bits than --min-security
  other-hash              it is made with another hash than --hash
  other-key, needs-key, needs-model
                          it was made with another key, with a key at all, or without one
  invalid-proof, invalid-parameter-proof, false-claims
                          a check of the proof fails: forged or damaged
  statement-mismatch, shard-count
                          input, output or number of shards do not fit the model
  no-signature, other-signer, other-subject, unknown-statement, other-model-file,
  unchecked-key
                          it is not signed as --require-signature asks
Exit code 1: nothing was understood. Reasons:
  malformed-bundle, malformed-commitments, malformed-proof, trailing-bytes
                          no bundle of a version known here, or cut off, or with bytes that no encoder writes
  unprovable-model        the model has no proof of this kind
  bad-input               a file cannot be read, or is not what it should be

Example:
  winterforge verify seven.wfp --model model.onnx --input inputs.npz --index 7
  winterforge verify seven.wfp --key model.wfk
  winterforge verify seven.wfp --key model.wfk --require-signature signer.pub")]
    Verify(VerifyArguments),
    /// Describe a model, a bundle or a key
    #[command(after_help = "\
A bundle is described as it describes itself; `winterforge verify` says whether that is true.

Examples:
  winterforge inspect model.onnx
  winterforge inspect seven.wfp --json
  winterforge inspect seven.wfp --lineage --model model.onnx")]
    Inspect(InspectArguments),
    /// Print what a shell needs to complete this command's arguments
    #[command(after_help = "\
Examples:
  winterforge completions bash > ~/.local/share/bash-completion/completions/winterforge
  winterforge completions zsh > ~/.zfunc/_winterforge")]
    Completions(CompletionsArguments),
    /// Print the manual page, or write one for every command
    #[command(after_help = "\
Examples:
  winterforge man | man -l -
  winterforge man -o /usr/local/share/man/man1")]
    Man(ManArguments),
    /// The hardware kernels: list, export, simulate, build bitstreams, report
    #[cfg(feature = "hardware")]
    Hw(crate::commands::hw::Arguments),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Also write model, inputs and bundles to this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// An int8 model (.onnx)
    pub(crate) model: PathBuf,
    /// Samples as the model is fed: .npz with an array `x`, .npy or .json; the first axis is the sample
    #[arg(long, value_name = "X")]
    pub(crate) input: PathBuf,
    /// The sample to run, from 0
    #[arg(long, value_name = "I", default_value_t = 0)]
    pub(crate) index: usize,
    /// Run every sample
    #[arg(long, conflicts_with = "index")]
    pub(crate) all: bool,
    /// Compare with ONNX Runtime: needs Python with onnxruntime and numpy
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ProveArguments {
    /// An int8 model (.onnx)
    pub(crate) model: PathBuf,
    /// Samples as the model is fed: .npz with an array `x`, .npy or .json; the first axis is the sample
    #[arg(long, value_name = "X")]
    pub(crate) input: PathBuf,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// The bundle to write [default: the model's name with .wfp, in the current folder]
    #[arg(short, long, value_name = "OUT.wfp")]
    pub(crate) output: Option<PathBuf>,
    /// The model's key: prove for verifiers who hold it in place of the model
    #[arg(long, value_name = "KEY.wfk", conflicts_with_all = ["security", "profile", "hash", "max_log_rows"])]
    pub(crate) key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) parameters: ParameterArguments,
    /// Threads to use [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// What extends and hashes columns: cpu, sim (the simulated accelerator, with the feature `hardware`), board:PORT or
    /// board:PORT@BAUD (an accelerator at a serial port, with the feature `board`), dual:A,B (both, compared), record:FILE,
    /// record:FILE,A or replay:FILE
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub(crate) device: String,
    /// What takes over where the device fails in mid-proof
    #[arg(long, value_name = "DEVICE")]
    pub(crate) fallback: Option<Spare>,
    /// Memory to stay below, in units of 10^6 bytes: shards wait for each other, and are committed to twice where that
    /// saves what it must; a proof is refused if a single shard does not fit
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_memory: Option<u64>,
    /// A bundle that this one comes from: it is named by its digest, in the statement; may be given again
    #[arg(long, value_name = "BUNDLE")]
    pub(crate) parent: Vec<PathBuf>,
    /// Estimate size, memory and time, and prove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SetupArguments {
    /// An int8 model (.onnx)
    pub(crate) model: PathBuf,
    /// The key to write
    #[arg(short, long, value_name = "KEY.wfk")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) parameters: ParameterArguments,
}

#[derive(Debug, Args)]
pub(crate) struct SignArguments {
    /// The bundle (.wfp) or key (.wfk) to sign
    pub(crate) file: PathBuf,
    /// The private key to sign with: Ed25519, in PEM
    #[arg(long, value_name = "ED25519")]
    pub(crate) key_file: PathBuf,
    /// The model to check with and to name: an .onnx file, or the folder of all its files; needed for a key
    #[arg(long)]
    pub(crate) model: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The bundle
    pub(crate) bundle: PathBuf,
    /// The model it should be about (.onnx)
    #[arg(long, required_unless_present = "key", conflicts_with = "key")]
    pub(crate) model: Option<PathBuf>,
    /// The key of the model it should be about (.wfk)
    #[arg(long, value_name = "KEY.wfk")]
    pub(crate) key: Option<PathBuf>,
    /// Samples it should be about: without --index or --indices, any place in this file will do
    #[arg(long, value_name = "X")]
    pub(crate) input: Option<PathBuf>,
    /// The sample in --input that must be the proven one, from 0
    #[arg(long, value_name = "I", requires = "input")]
    pub(crate) index: Option<usize>,
    /// The samples in --input that must be the proven batch, B excluded
    #[arg(long, value_name = "A..B", value_parser = parse_indices, requires = "input", conflicts_with = "index")]
    pub(crate) indices: Option<Range<usize>>,
    /// Proven bits below which the bundle is rejected
    #[arg(long, value_name = "BITS", default_value_t = 100)]
    pub(crate) min_security: u32,
    /// The hash that the bundle must be made with [default: any]
    #[arg(long, value_enum)]
    hash: Option<HashArgument>,
    /// A public key (Ed25519, in PEM) that must have signed the bundle or, with --key, the key or the bundle
    #[arg(long, value_name = "PUBKEY")]
    pub(crate) require_signature: Option<PathBuf>,
}

impl VerifyArguments {
    pub(crate) fn policy(&self) -> Policy {
        Policy {
            min_security_bits: self.min_security,
            hash: self.hash.map(HashArgument::id),
            ..Policy::default()
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// A model (.onnx), a bundle (.wfp) or a key (.wfk)
    pub(crate) file: PathBuf,
    /// Follow the parents that a bundle names, and check digests and proofs
    #[arg(long)]
    pub(crate) lineage: bool,
    /// Another folder to look for parents in, beside the bundle's own; may be given again
    #[arg(long, value_name = "DIR", requires = "lineage")]
    pub(crate) search: Vec<PathBuf>,
    /// A model to verify bundles of the lineage against; may be given again
    #[arg(long, requires = "lineage")]
    pub(crate) model: Vec<PathBuf>,
    /// A key to verify bundles of the lineage against; may be given again
    #[arg(long, requires = "lineage", value_name = "KEY.wfk")]
    pub(crate) key: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// Write winterforge.1, winterforge-prove.1 and so on to this folder
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

/// Samples of an input file.
#[derive(Debug, Args)]
pub(crate) struct Selection {
    /// The sample to prove, from 0
    #[arg(long, value_name = "I", default_value_t = 0)]
    index: usize,
    /// The samples to prove as one batch, B excluded
    #[arg(long, value_name = "A..B", value_parser = parse_indices, conflicts_with = "index")]
    indices: Option<Range<usize>>,
}

impl Selection {
    pub(crate) fn range(&self) -> Range<usize> {
        self.indices
            .clone()
            .unwrap_or(self.index..self.index.saturating_add(1))
    }
}

/// How a proof is made.
#[derive(Debug, Args)]
pub(crate) struct ParameterArguments {
    /// Proven bits of security
    #[arg(long, value_enum, default_value = "100")]
    security: SecurityArgument,
    /// Trade proving time for size: `fast` takes about half the time of `balanced`, `small` twice
    #[arg(long, value_enum, default_value = "balanced")]
    profile: ProfileArgument,
    /// The hash of commitments and challenges
    #[arg(long, value_enum, default_value = "blake3")]
    hash: HashArgument,
    /// Binary logarithm of the longest trace, 9 to 20: shorter traces make more shards, each of which takes less memory
    /// and about 100 KB of the bundle
    #[arg(long, value_name = "LOG", default_value_t = PlanParameters::default().max_log_rows,
        value_parser = clap::value_parser!(u32).range(9..=20))]
    max_log_rows: u32,
}

impl ParameterArguments {
    pub(crate) fn parameters(&self) -> Parameters {
        Parameters {
            level: match self.security {
                SecurityArgument::Bits100 => SecurityLevel::Bits100,
                SecurityArgument::Bits128 => SecurityLevel::Bits128,
            },
            profile: match self.profile {
                ProfileArgument::Fast => Profile::Fast,
                ProfileArgument::Balanced => Profile::Balanced,
                ProfileArgument::Small => Profile::Small,
            },
            hash: self.hash.id(),
            plan: PlanParameters {
                max_log_rows: self.max_log_rows,
            },
        }
    }
}

/// A device that takes over.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Spare {
    /// The processor.
    Cpu,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SecurityArgument {
    #[value(name = "100")]
    Bits100,
    #[value(name = "128")]
    Bits128,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProfileArgument {
    Fast,
    Balanced,
    Small,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum HashArgument {
    Blake3,
    Poseidon2,
}

impl HashArgument {
    fn id(self) -> HashId {
        match self {
            Self::Blake3 => HashId::Blake3,
            Self::Poseidon2 => HashId::Poseidon2,
        }
    }
}

/// `A..B` with A below B.
fn parse_indices(text: &str) -> Result<Range<usize>, String> {
    let range = text
        .split_once("..")
        .and_then(|(start, end)| Some(start.parse().ok()?..end.parse().ok()?));
    let range: Range<usize> = range.ok_or("expected A..B with whole numbers, such as 0..64")?;
    if range.is_empty() {
        return Err(format!(
            "{text} holds no sample: B is excluded and must be above A"
        ));
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn indices_exclude_their_end() {
        assert_eq!(parse_indices("3..5"), Ok(3..5));
        for wrong in [
            "", "3", "3..", "..5", "5..3", "3..3", "3..=5", "-1..2", "a..b", "3..5..7",
        ] {
            assert!(parse_indices(wrong).is_err(), "{wrong}");
        }
    }
}
