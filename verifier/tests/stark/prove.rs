//! winterfell's prover over our field, for the AIRs of these tests, and what the tests ask of a proof.

use std::marker::PhantomData;

use winter_air::{
    Air, AuxRandElements, BatchingMethod, ConstraintCompositionCoefficients, EvaluationFrame,
    FieldExtension, PartitionOptions, ProofOptions, TraceInfo, proof::Proof,
};
use winter_crypto::{
    DefaultRandomCoin, Hasher, MerkleTree, RandomCoin, RandomCoinError, hashers::Blake3_256,
};
use winter_math::{
    FieldElement, ToElements,
    fields::{CubeExtension, QuadExtension},
};
use winter_prover::{
    CompositionPoly, CompositionPolyTrace, DefaultConstraintCommitment, DefaultConstraintEvaluator,
    DefaultTraceLde, Prover, StarkDomain, Trace, TracePolyTable, matrix::ColMatrix,
};
use winter_verifier::AcceptableOptions;
use winterforge_air::field::Felt;
use winterforge_verifier::stark::{
    CheckMask, Reader, ShardProof, StarkError, VerifierAir, verify_shard,
};

use crate::airs::{CubeAir, CubeInputs, WideAir, cube_column, wide_aux_columns, wide_main_columns};

pub(crate) type Hash = Blake3_256<Felt>;
pub(crate) type Cube = CubeExtension<Felt>;
pub(crate) type Quad = QuadExtension<Felt>;
pub(crate) type Coin = DefaultRandomCoin<Hash>;

/// Proof options by the numbers that vary here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) queries: usize,
    pub(crate) blowup: usize,
    pub(crate) grinding: u32,
    pub(crate) folding: usize,
    pub(crate) remainder: usize,
}

impl Options {
    pub(crate) fn proof_options(self, extension: FieldExtension) -> ProofOptions {
        ProofOptions::new(
            self.queries,
            self.blowup,
            self.grinding,
            extension,
            self.folding,
            self.remainder,
            BatchingMethod::Linear,
            BatchingMethod::Linear,
        )
    }
}

/// The options that go with an extension type.
pub(crate) fn extension<E: FieldElement>() -> FieldExtension {
    match E::EXTENSION_DEGREE {
        1 => FieldExtension::None,
        2 => FieldExtension::Quadratic,
        _ => FieldExtension::Cubic,
    }
}

/// A main segment, and the information that says how wide the auxiliary one will be.
pub(crate) struct ShardTrace {
    info: TraceInfo,
    main: ColMatrix<Felt>,
}

impl Trace for ShardTrace {
    type BaseField = Felt;

    fn info(&self) -> &TraceInfo {
        &self.info
    }

    fn main_segment(&self) -> &ColMatrix<Felt> {
        &self.main
    }

    fn read_main_frame(&self, row: usize, frame: &mut EvaluationFrame<Felt>) {
        self.main.read_row_into(row, frame.current_mut());
        self.main
            .read_row_into((row + 1) % self.info.length(), frame.next_mut());
    }
}

/// winterfell's prover for AIR `A` with coin `R`.
pub(crate) struct TestProver<A: Air, R> {
    options: ProofOptions,
    inputs: A::PublicInputs,
    coin: PhantomData<R>,
}

impl<A, R> Prover for TestProver<A, R>
where
    A: Air<BaseField = Felt, PublicInputs: Clone + Sync> + 'static,
    R: RandomCoin<BaseField = Felt, Hasher = Hash> + Send,
{
    type BaseField = Felt;
    type Air = A;
    type Trace = ShardTrace;
    type HashFn = Hash;
    type VC = MerkleTree<Hash>;
    type RandomCoin = R;
    type TraceLde<E: FieldElement<BaseField = Felt>> = DefaultTraceLde<E, Hash, Self::VC>;
    type ConstraintEvaluator<'a, E: FieldElement<BaseField = Felt>> =
        DefaultConstraintEvaluator<'a, A, E>;
    type ConstraintCommitment<E: FieldElement<BaseField = Felt>> =
        DefaultConstraintCommitment<E, Hash, Self::VC>;

    fn get_pub_inputs(&self, _trace: &ShardTrace) -> A::PublicInputs {
        self.inputs.clone()
    }

    fn options(&self) -> &ProofOptions {
        &self.options
    }

    fn new_trace_lde<E: FieldElement<BaseField = Felt>>(
        &self,
        info: &TraceInfo,
        main: &ColMatrix<Felt>,
        domain: &StarkDomain<Felt>,
        partitions: PartitionOptions,
    ) -> (Self::TraceLde<E>, TracePolyTable<E>) {
        DefaultTraceLde::new(info, main, domain, partitions)
    }

    fn new_evaluator<'a, E: FieldElement<BaseField = Felt>>(
        &self,
        air: &'a A,
        aux: Option<AuxRandElements<E>>,
        coefficients: ConstraintCompositionCoefficients<E>,
    ) -> Self::ConstraintEvaluator<'a, E> {
        DefaultConstraintEvaluator::new(air, aux, coefficients)
    }

    fn build_constraint_commitment<E: FieldElement<BaseField = Felt>>(
        &self,
        trace: CompositionPolyTrace<E>,
        columns: usize,
        domain: &StarkDomain<Felt>,
        partitions: PartitionOptions,
    ) -> (Self::ConstraintCommitment<E>, CompositionPoly<E>) {
        DefaultConstraintCommitment::new(trace, columns, domain, partitions)
    }

    fn build_aux_trace<E: FieldElement<BaseField = Felt>>(
        &self,
        trace: &ShardTrace,
        aux: &AuxRandElements<E>,
    ) -> ColMatrix<E> {
        let followed = trace.main.columns().take(trace.info.aux_segment_width());
        ColMatrix::new(wide_aux_columns(followed, aux.rand_elements()))
    }
}

/// A coin that is the default one, except that it takes any nonce for work.
pub(crate) struct IdleCoin(Coin);

impl RandomCoin for IdleCoin {
    type BaseField = Felt;
    type Hasher = Hash;

    fn new(seed: &[Felt]) -> Self {
        Self(Coin::new(seed))
    }

    fn reseed(&mut self, data: <Hash as Hasher>::Digest) {
        self.0.reseed(data);
    }

    fn check_leading_zeros(&self, _nonce: u64) -> u32 {
        u32::MAX
    }

    fn draw<E: FieldElement<BaseField = Felt>>(&mut self) -> Result<E, RandomCoinError> {
        self.0.draw()
    }

    fn draw_integers(
        &mut self,
        count: usize,
        domain_size: usize,
        nonce: u64,
    ) -> Result<Vec<usize>, RandomCoinError> {
        self.0.draw_integers(count, domain_size, nonce)
    }
}

/// A proof with all that is needed to verify it.
pub(crate) struct Proven<A: Air, E: FieldElement<BaseField = Felt>> {
    pub(crate) air: A,
    pub(crate) inputs: A::PublicInputs,
    pub(crate) stock: Proof,
    pub(crate) proof: ShardProof<E, Hash>,
    pub(crate) body: Vec<u8>,
}

/// Proves with winterfell and converts.
pub(crate) fn prove<A, E, R>(
    info: TraceInfo,
    main: Vec<Vec<Felt>>,
    inputs: A::PublicInputs,
    options: ProofOptions,
) -> Proven<A, E>
where
    A: VerifierAir<PublicInputs: Clone + Sync> + 'static,
    E: FieldElement<BaseField = Felt>,
    R: RandomCoin<BaseField = Felt, Hasher = Hash> + Send,
{
    let prover = TestProver::<A, R> {
        options: options.clone(),
        inputs: inputs.clone(),
        coin: PhantomData,
    };
    let trace = ShardTrace {
        info: info.clone(),
        main: ColMatrix::new(main),
    };
    let stock = prover.prove(trace).unwrap();
    let air = A::new(info, inputs.clone(), options);
    let proof = ShardProof::from_winterfell(stock.clone(), &air, &inputs.to_elements()).unwrap();
    let body = proof.encode();
    Proven {
        air,
        inputs,
        stock,
        proof,
        body,
    }
}

/// An honest proof for [`CubeAir`].
pub(crate) fn prove_cube<E: FieldElement<BaseField = Felt>>(
    length: usize,
    options: Options,
) -> Proven<CubeAir<Felt>, E> {
    prove_cube_with::<E, Coin>(length, options, Felt::new(7))
}

/// A proof for [`CubeAir`] with coin `R`, by a prover that adds `step`.
pub(crate) fn prove_cube_with<E, R>(
    length: usize,
    options: Options,
    step: Felt,
) -> Proven<CubeAir<Felt>, E>
where
    E: FieldElement<BaseField = Felt>,
    R: RandomCoin<BaseField = Felt, Hasher = Hash> + Send,
{
    let column = cube_column(length, step);
    let inputs = CubeInputs {
        last: column[length - 1],
        step,
    };
    let options = options.proof_options(extension::<E>());
    prove::<_, _, R>(TraceInfo::new(1, length), vec![column], inputs, options)
}

/// An honest proof for [`WideAir`].
pub(crate) fn prove_wide<E: FieldElement<BaseField = Felt>>(
    (main, aux): (usize, usize),
    length: usize,
    options: Options,
) -> Proven<WideAir, E> {
    let columns = wide_main_columns(main, length);
    let last = columns[0][length - 1];
    let info = TraceInfo::new_multi_segment(main, aux, 2, length, Vec::new());
    prove::<_, _, Coin>(info, columns, last, options.proof_options(extension::<E>()))
}

impl<A, E> Proven<A, E>
where
    A: VerifierAir<PublicInputs: Clone>,
    E: FieldElement<BaseField = Felt>,
{
    /// Our verdict on some body in place of the proof's own.
    pub(crate) fn verdict(&self, body: &[u8]) -> Result<(), StarkError> {
        self.masked_verdict(body, &CheckMask::NONE)
    }

    /// Our verdict with some checks skipped.
    pub(crate) fn masked_verdict(&self, body: &[u8], checks: &CheckMask) -> Result<(), StarkError> {
        verdict::<A, E>(
            &self.air,
            &self.inputs.to_elements(),
            self.proof.main_root,
            body,
            checks,
        )
    }

    /// winterfell's verdict on the proof converted back from ours.
    pub(crate) fn stock_accepts(&self, proof: &ShardProof<E, Hash>) -> bool {
        let proof = proof
            .to_winterfell(&self.air, &self.inputs.to_elements())
            .unwrap();
        let options = AcceptableOptions::OptionSet(vec![self.air.options().clone()]);
        winter_verifier::verify::<A, Hash, Coin, MerkleTree<Hash>>(
            proof,
            self.inputs.clone(),
            &options,
        )
        .is_ok()
    }
}

/// Our verdict on a whole body.
pub(crate) fn verdict<A, E>(
    air: &A,
    public_inputs: &[Felt],
    main_root: <Hash as Hasher>::Digest,
    body: &[u8],
    checks: &CheckMask,
) -> Result<(), StarkError>
where
    A: VerifierAir,
    E: FieldElement<BaseField = Felt>,
{
    let mut reader = Reader::new(body);
    verify_shard::<A, E, Hash>(air, public_inputs, main_root, &mut reader, checks)?;
    reader.finish(checks)
}
