//! Proofs of false statements that winterfell's verifier accepts (`testdata/forged`), each rejected here, and for the
//! right reason.

use winter_air::{
    Air, AirContext, Assertion, BatchingMethod, EvaluationFrame, FieldExtension, ProofOptions,
    TraceInfo, TransitionConstraintDegree, proof::Proof,
};
use winter_crypto::{DefaultRandomCoin, MerkleTree, hashers::Blake3_256};
use winter_math::{FieldElement, fields::f64::BaseElement};
use winter_verifier::AcceptableOptions;
use winterforge_air::field::Felt;
use winterforge_verifier::stark::{CheckId, CheckMask, ShardProof, StarkError, VerifierAir};

use crate::{
    airs::{Base, CubeAir, CubeInputs, cube_column},
    prove::{Cube, Hash, verdict},
};

/// Two columns: a starts at 3, each next b is the square of a, and b in row 1 is public.
struct SquareAir<B: Base> {
    context: AirContext<B>,
    square: B,
}

impl<B: Base> Air for SquareAir<B> {
    type BaseField = B;
    type PublicInputs = B;

    fn new(info: TraceInfo, square: B, options: ProofOptions) -> Self {
        let degrees = vec![TransitionConstraintDegree::new(2)];
        Self {
            context: AirContext::new(info, degrees, 2, options),
            square,
        }
    }

    fn context(&self) -> &AirContext<B> {
        &self.context
    }

    fn evaluate_transition<E: FieldElement<BaseField = B>>(
        &self,
        frame: &EvaluationFrame<E>,
        _periodic: &[E],
        result: &mut [E],
    ) {
        result[0] = frame.next()[1] - frame.current()[0].square();
    }

    fn get_assertions(&self) -> Vec<Assertion<B>> {
        vec![
            Assertion::single(0, 0, B::from(3u8)),
            Assertion::single(1, 1, self.square),
        ]
    }
}

impl VerifierAir for SquareAir<Felt> {}

/// Three columns, one of them idle: a starts at 3, b is a times a in each row, and b in row 0 is public.
struct ProductAir<B: Base> {
    context: AirContext<B>,
    product: B,
}

impl<B: Base> Air for ProductAir<B> {
    type BaseField = B;
    type PublicInputs = B;

    fn new(info: TraceInfo, product: B, options: ProofOptions) -> Self {
        let degrees = vec![TransitionConstraintDegree::new(2)];
        Self {
            context: AirContext::new(info, degrees, 2, options),
            product,
        }
    }

    fn context(&self) -> &AirContext<B> {
        &self.context
    }

    fn evaluate_transition<E: FieldElement<BaseField = B>>(
        &self,
        frame: &EvaluationFrame<E>,
        _periodic: &[E],
        result: &mut [E],
    ) {
        let (a, b) = (frame.current()[0], frame.current()[1]);
        result[0] = b - a * a;
    }

    fn get_assertions(&self) -> Vec<Assertion<B>> {
        vec![
            Assertion::single(0, 0, B::from(3u8)),
            Assertion::single(1, 0, self.product),
        ]
    }
}

impl VerifierAir for ProductAir<Felt> {}

fn read(name: &str) -> Proof {
    let path = format!(
        "{}/../testdata/forged/{name}.proof",
        env!("CARGO_MANIFEST_DIR")
    );
    Proof::from_bytes(&std::fs::read(path).unwrap()).unwrap()
}

fn options() -> ProofOptions {
    ProofOptions::new(
        54,
        8,
        20,
        FieldExtension::Cubic,
        8,
        127,
        BatchingMethod::Linear,
        BatchingMethod::Linear,
    )
}

/// Whether winterfell's own field runs as it does in production. With overflow checks, the two forgeries against that
/// field end in a panic inside it rather than in a verdict.
const STOCK_FIELD_WRAPS: bool = !cfg!(debug_assertions);

/// The verdict of winterfell's verifier over its own field.
fn stock_accepts<A: Air<BaseField = BaseElement>>(name: &str, inputs: A::PublicInputs) -> bool {
    type StockHash = Blake3_256<BaseElement>;
    let accepted = AcceptableOptions::OptionSet(vec![options()]);
    winter_verifier::verify::<A, StockHash, DefaultRandomCoin<StockHash>, MerkleTree<StockHash>>(
        read(name),
        inputs,
        &accepted,
    )
    .is_ok()
}

/// Our verdict on the same proof, with checks skipped.
fn our_verdict<A: VerifierAir>(
    name: &str,
    info: TraceInfo,
    inputs: A::PublicInputs,
    claim: Felt,
    checks: &CheckMask,
) -> Result<(), StarkError> {
    let air = A::new(info, inputs, options());
    let proof = ShardProof::<Cube, Hash>::from_winterfell(read(name), &air, &[claim]).unwrap();
    verdict::<A, Cube>(&air, &[claim], proof.main_root, &proof.encode(), checks)
}

fn cube_verdict(name: &str, claim: Felt, checks: &CheckMask) -> Result<(), StarkError> {
    let info = TraceInfo::new(1, 1 << 13);
    our_verdict::<CubeAir<Felt>>(name, info, CubeInputs::new(claim), claim, checks)
}

#[test]
fn the_honest_proof_is_accepted() {
    let claim = cube_column(1 << 13, Felt::new(7))[(1 << 13) - 1];
    assert_eq!(cube_verdict("honest", claim, &CheckMask::NONE), Ok(()));
    let stock = CubeInputs::new(BaseElement::new(claim.as_word()));
    assert!(stock_accepts::<CubeAir<BaseElement>>("honest", stock));
}

#[test]
fn a_remainder_chosen_after_the_queries_is_stopped_by_its_commitment() {
    let name = "forged_remainder";
    let stock = CubeInputs::new(BaseElement::new(42));
    assert!(stock_accepts::<CubeAir<BaseElement>>(name, stock));
    let claim = Felt::new(42);
    assert_eq!(
        cube_verdict(name, claim, &CheckMask::NONE),
        Err(StarkError::FriRemainderCommitment)
    );
    let mask = CheckMask::NONE.skip(CheckId::RemainderCommitment);
    assert_eq!(cube_verdict(name, claim, &mask), Ok(()));
}

#[test]
fn a_wrong_square_is_stopped_by_our_field() {
    let name = "forged_square";
    assert!(
        !STOCK_FIELD_WRAPS || stock_accepts::<SquareAir<BaseElement>>(name, BaseElement::new(8))
    );
    let (info, claim) = (TraceInfo::new(2, 256), Felt::new(8));
    assert_eq!(
        our_verdict::<SquareAir<Felt>>(name, info, claim, claim, &CheckMask::NONE),
        Err(StarkError::OodMismatch)
    );
}

#[test]
fn a_wrong_vanishing_polynomial_is_stopped_by_our_field() {
    let name = "forged_vanishing";
    assert!(
        !STOCK_FIELD_WRAPS || stock_accepts::<ProductAir<BaseElement>>(name, BaseElement::new(8))
    );
    let (info, claim) = (TraceInfo::new(3, 256), Felt::new(8));
    assert_eq!(
        our_verdict::<ProductAir<Felt>>(name, info, claim, claim, &CheckMask::NONE),
        Err(StarkError::OodMismatch)
    );
}
