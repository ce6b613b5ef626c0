//! Attacks on the bundle as bytes, and on the checks that stand before any proof.

use winterforge_model::{ModelId, QType};
use winterforge_verifier::BundleCheck;
use winterforge_verifier::bundle::{Header, Values};
use winterforge_verifier::stark::{CheckId, StarkError};

use super::{forgery, shard_error};
use crate::attack::{Forgery, Prize, Stop};
use crate::case::Case;
use crate::forger::{Forged, Witness};
use crate::stark::Deviation;

/// All of them.
pub(super) fn all(case: &Case, honest: &Forged) -> Vec<Forgery> {
    let mut forgeries = checks(case, honest);
    forgeries.extend(shapes(case));
    forgeries.extend(fields(case, honest));
    forgeries.extend(cuts(case, honest));
    forgeries
}

/// An honest trace under a header with other fields from the start.
fn restated(case: &Case, edit: impl Fn(&mut Header)) -> Vec<u8> {
    // Codes are the trace's whatever the header's shapes say: take the seed from the edited header by hand.
    let witness = Witness::honest(case);
    let mut header = witness.header.clone();
    edit(&mut header);
    let mut edited = witness.clone();
    edited.header = header.clone();
    let root = [witness.clone().commit().roots[0]];
    let seed = edited.seed(&root);
    let mut forged = witness.commit_under(seed).fill().finish(Deviation::None);
    forged.header = header;
    forged.bundle()
}

fn checks(case: &Case, honest: &Forged) -> Vec<Forgery> {
    let other = ModelId([3; 32]);
    let (expected, bits) = (case.header.model_id, case.instance.ledger.bits());
    let shards = case.instance.plan.shards.len();
    vec![
        Forgery {
            bundle: restated(case, |header| header.model_id = other),
            error: format!("Model {{ expected: {expected:?}, found: {other:?} }}"),
            ..forgery(
                case,
                "another model's id",
                "public value id",
                Stop::Bundle(BundleCheck::ModelId),
                honest,
            )
        },
        Forgery {
            bundle: restated(case, |header| header.shards += 1),
            error: format!("ShardCount {{ expected: {shards}, found: {} }}", shards + 1),
            prize: Prize::Malleability,
            ..forgery(
                case,
                "another number of shards",
                "R3",
                Stop::Bundle(BundleCheck::ShardCount),
                honest,
            )
        },
        Forgery {
            min_security_bits: 128,
            error: format!("Security {{ required: 128, found: {bits} }}"),
            prize: Prize::WeakProof,
            ..forgery(
                case,
                "fewer bits than asked for",
                "R12",
                Stop::Bundle(BundleCheck::Security),
                honest,
            )
        },
    ]
}

/// The same cells under other shapes or types.
fn shapes(case: &Case) -> Vec<Forgery> {
    let batch = case.executions.len();
    let restate = |name: &'static str, side: &str, edit: &dyn Fn(&mut Header)| Forgery {
        name,
        rule: "R10",
        stop: Stop::Codec,
        prize: Prize::Malleability,
        graph: case.graph.clone(),
        key: None,
        min_security_bits: 100,
        bundle: restated(case, edit),
        error: format!("Statement({side} {{ …"),
        trust: Default::default(),
    };
    vec![
        restate("an axis too many", "Input", &|header| {
            header.input.shape.push(1)
        }),
        restate("half the batch, twice the features", "Input", &|header| {
            header.input.shape[0] = batch / 2;
            header.input.shape[1] *= 2;
            header.output.shape[0] = batch / 2;
            header.output.shape[1] *= 2;
        }),
        restate("an output axis too many", "Output", &|header| {
            header.output.shape.push(1)
        }),
        restate("int8 as uint8", "Output", &|header| {
            if let Values::Quantized(qtype, values) = &mut header.output.values {
                *qtype = QType::U8;
                for value in values {
                    *value += 128;
                }
            }
        }),
        restate("codes in place of floats", "Input", &|header| {
            let cells = header.input.shape.iter().product();
            header.input.values = Values::Quantized(QType::I8, vec![0; cells]);
        }),
    ]
}

/// Header bytes that mean nothing.
fn fields(case: &Case, honest: &Forged) -> Vec<Forgery> {
    let input_start = 56;
    let output_start = input_start + 2 + 4 * 2 + 4 * case.x.len();
    [
        ("another mark", 0, 1, "Bundle(Magic)"),
        ("another format", 8, 3, "Bundle(Version { what: \"format\"…"),
        (
            "another protocol",
            10,
            3,
            "Bundle(Version { what: \"protocol\"…",
        ),
        (
            "other semantics",
            12,
            3,
            "Bundle(Version { what: \"semantics\"…",
        ),
        (
            "another plan version",
            16,
            3,
            "Bundle(Version { what: \"plan\"…",
        ),
        (
            "no level",
            52,
            1,
            "Bundle(Invalid { what: \"the security level\"…",
        ),
        (
            "no profile",
            53,
            8,
            "Bundle(Invalid { what: \"the profile\"…",
        ),
        ("no hash", 54, 2, "Bundle(Invalid { what: \"the hash\"…"),
        (
            "no plan",
            55,
            64,
            "Bundle(Invalid { what: \"the plan parameters\", offset: 56 })",
        ),
        (
            "no type of input",
            input_start,
            4,
            "Bundle(Invalid { what: \"the input\"…",
        ),
        (
            "no axes of input",
            input_start + 1,
            2,
            "Bundle(Invalid { what: \"the input\"…",
        ),
        (
            "an endless input",
            input_start + 9,
            255,
            "Bundle(Truncated { what: \"the input\"…",
        ),
        (
            "no type of output",
            output_start,
            6,
            "Bundle(Invalid { what: \"the output\"…",
        ),
        (
            "no batch of outputs",
            output_start + 2,
            case.executions.len() as u8,
            "Bundle(Invalid { what: \"the output\"…",
        ),
    ]
    .map(|(name, offset, flip, error)| {
        let mut bundle = honest.bundle();
        bundle[offset] ^= flip;
        Forgery {
            bundle,
            error: error.to_owned(),
            prize: Prize::Malleability,
            ..forgery(case, name, "R10, header", Stop::Codec, honest)
        }
    })
    .into()
}

/// Bundles that end early, and parts in the wrong place.
fn cuts(case: &Case, honest: &Forged) -> Vec<Forgery> {
    let whole = honest.bundle();
    let header = honest.header.encode().len();
    let cut = |name: &'static str, length: usize, error: &str| Forgery {
        bundle: whole[..length].to_vec(),
        error: error.to_owned(),
        prize: Prize::Malleability,
        ..forgery(case, name, "R10", Stop::Codec, honest)
    };
    let mut forgeries = vec![
        cut("nothing", 0, "Bundle(Magic)"),
        cut("half a header", header / 2, "Bundle(Truncated…"),
        cut("a header alone", header, "Commitments(Truncated…"),
        cut(
            "no openings",
            header + 2000,
            "Shard { shard: 0, source: Truncated…",
        ),
        cut(
            "a byte too few",
            whole.len() - 1,
            "Shard { shard: 0, source: Truncated…",
        ),
    ];
    let sharded = Case::sharded();
    let honest = Witness::honest(&sharded)
        .commit()
        .fill()
        .finish(Deviation::None);
    let whole = honest.bundle();
    let last = honest.shards.len() - 1;
    let tail =
        24 * honest.shards[last].evaluations.len() + honest.shards[last].proof.encode().len();
    let (before, body) = whole.split_at(whole.len() - tail);
    let trailing = StarkError::TrailingBytes {
        offset: whole.len() - honest.header.encode().len(),
        surplus: tail,
    };
    let mut edit = |name: &'static str, stop: Stop, bundle: Vec<u8>, error: String| {
        forgeries.push(Forgery {
            bundle,
            error,
            prize: Prize::Malleability,
            ..forgery(&sharded, name, "R10", stop, &honest)
        });
    };
    edit(
        "a shard is missing",
        Stop::Codec,
        before.to_vec(),
        format!("Shard {{ shard: {last}, source: Truncated…"),
    );
    edit(
        "a shard too many",
        Stop::Check(CheckId::TrailingBytes),
        [&whole, body].concat(),
        format!("Trailing({trailing:?})"),
    );
    let mismatch = || shard_error(0, &StarkError::OodMismatch);
    let mut swapped = honest.clone();
    swapped.shards.swap(0, 1);
    edit(
        "two shards change places",
        Stop::Codec,
        swapped.bundle(),
        mismatch(),
    );
    let mut repeated = honest.clone();
    repeated.shards[1] = repeated.shards[0].clone();
    edit(
        "a shard in place of the next one",
        Stop::Codec,
        repeated.bundle(),
        mismatch(),
    );
    forgeries
}
