//! Honest proofs over many shapes: accepted by our loop and by winterfell's, and encoded in exactly one way.

use winter_crypto::MerkleTree;
use winter_math::{FieldElement, ToElements};
use winter_verifier::AcceptableOptions;
use winterforge_air::field::Felt;
use winterforge_verifier::stark::{Reader, VerifierAir, decode_shard};

use crate::{
    airs::CubeAir,
    prove::{Coin, Cube, Hash, Options, Proven, Quad, prove_cube, prove_wide},
};

/// Every claim of this file about one proof.
fn check<A, E>(proven: &Proven<A, E>)
where
    A: VerifierAir<PublicInputs: Clone>,
    E: FieldElement<BaseField = Felt>,
{
    assert_eq!(proven.verdict(&proven.body), Ok(()));

    let options = AcceptableOptions::OptionSet(vec![proven.air.options().clone()]);
    winter_verifier::verify::<A, Hash, Coin, MerkleTree<Hash>>(
        proven.stock.clone(),
        proven.inputs.clone(),
        &options,
    )
    .unwrap();

    let inputs = proven.inputs.to_elements();
    let back = proven.proof.to_winterfell(&proven.air, &inputs).unwrap();
    assert_eq!(
        back.to_bytes(),
        proven.stock.to_bytes(),
        "conversion is lossless"
    );

    let mut reader = Reader::new(&proven.body);
    let root = proven.proof.main_root;
    let decoded = decode_shard::<A, E, Hash>(&proven.air, &inputs, root, &mut reader).unwrap();
    assert!(reader.rest().is_empty());
    assert_eq!(decoded, proven.proof);
    assert_eq!(decoded.encode(), proven.body);
}

/// Whether the last folding leaves at least one coefficient; winterfell's prover panics on other options.
fn folds(length: usize, options: Options) -> bool {
    let mut coefficients = length;
    while coefficients > options.remainder + 1 {
        if coefficients < options.folding {
            return false;
        }
        coefficients /= options.folding;
    }
    true
}

#[test]
fn a_cube_map_over_all_foldings_and_blowups() {
    let mut count = 0;
    for log in 3..=8 {
        let length = 1 << log;
        for folding in [2, 4, 8, 16] {
            for (blowup, remainder, queries) in [
                (2, 0, 7),
                (4, 7, 12),
                (8, 31, 30),
                (16, 1, 90),
                (2, 127, 15),
            ] {
                let options = Options {
                    queries: queries.min(length * blowup - 1),
                    blowup,
                    grinding: log % 4,
                    folding,
                    remainder,
                };
                if !folds(length, options) {
                    continue;
                }
                check::<CubeAir<Felt>, Cube>(&prove_cube(length, options));
                check::<CubeAir<Felt>, Quad>(&prove_cube(length, options));
                count += 1;
            }
        }
    }
    assert!(count > 60, "only {count} shapes fold");
}

#[test]
fn two_segments() {
    for (log, widths, options) in [
        (3, (2, 2), [5, 2, 0, 2, 0]),
        (4, (3, 1), [25, 4, 3, 4, 3]),
        (5, (4, 3), [20, 2, 1, 16, 1]),
        (6, (2, 2), [200, 8, 2, 8, 7]),
        (8, (7, 5), [54, 8, 4, 8, 31]),
        (10, (2, 2), [40, 16, 5, 4, 63]),
        (10, (17, 8), [255, 2, 0, 2, 255]),
    ] {
        let [queries, blowup, grinding, folding, remainder] = options;
        let options = Options {
            queries,
            blowup,
            grinding: grinding as u32,
            folding,
            remainder,
        };
        check(&prove_wide::<Cube>(widths, 1 << log, options));
        check(&prove_wide::<Quad>(widths, 1 << log, options));
    }
}

#[test]
fn repeated_positions_are_opened_once() {
    let options = Options {
        queries: 15,
        blowup: 2,
        grinding: 0,
        folding: 2,
        remainder: 0,
    };
    let proven = prove_cube::<Cube>(8, options);
    assert!(proven.proof.openings.main_rows.len() < 15);
    check(&proven);
}

#[test]
fn our_form_is_smaller_than_winterfells() {
    let options = Options {
        queries: 54,
        blowup: 8,
        grinding: 4,
        folding: 8,
        remainder: 31,
    };
    let proven = prove_wide::<Cube>((40, 8), 512, options);
    check(&proven);
    let stock = proven.stock.to_bytes().len();
    let ours = 32 + proven.body.len();
    // At each layer every position saves one element, and no length is written.
    let layers = proven.proof.openings.fri_layers.len();
    assert!(layers > 0 && ours + layers * 24 * 40 < stock);
}
