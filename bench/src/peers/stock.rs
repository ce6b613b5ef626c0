//! winterfell's own prover, over any field: its default trace extension, constraint evaluation and commitments.

use std::marker::PhantomData;
use std::time::Instant;

use winter_air::proof::Proof;
use winter_air::{
    AuxRandElements, ConstraintCompositionCoefficients, PartitionOptions, ProofOptions, TraceInfo,
};
use winter_crypto::hashers::Blake3_256;
use winter_crypto::{DefaultRandomCoin, MerkleTree};
use winter_math::{FieldElement, fields};
use winter_prover::matrix::ColMatrix;
use winter_prover::{
    CompositionPoly, CompositionPolyTrace, DefaultConstraintCommitment, DefaultConstraintEvaluator,
    DefaultTraceLde, Prover, StarkDomain, Trace, TracePolyTable, TraceTable,
};
use winterforge_air::field::Felt;

use super::air::{self, Base, ProductAir};
use super::{Run, timed_again};
use crate::error::Error;

/// winterfell's own field of the same order.
pub type Upstream = fields::f64::BaseElement;

type Hash<B> = Blake3_256<B>;

/// The prover.
struct Stock<B> {
    options: ProofOptions,
    field: PhantomData<B>,
}

impl<B: Base> Prover for Stock<B> {
    type BaseField = B;
    type Air = ProductAir<B>;
    type Trace = TraceTable<B>;
    type HashFn = Hash<B>;
    type VC = MerkleTree<Hash<B>>;
    type RandomCoin = DefaultRandomCoin<Hash<B>>;
    type TraceLde<E: FieldElement<BaseField = B>> = DefaultTraceLde<E, Hash<B>, Self::VC>;
    type ConstraintEvaluator<'a, E: FieldElement<BaseField = B>> =
        DefaultConstraintEvaluator<'a, ProductAir<B>, E>;
    type ConstraintCommitment<E: FieldElement<BaseField = B>> =
        DefaultConstraintCommitment<E, Hash<B>, Self::VC>;

    fn get_pub_inputs(&self, trace: &TraceTable<B>) -> B {
        trace.main_segment().get(0, 0)
    }

    fn options(&self) -> &ProofOptions {
        &self.options
    }

    fn new_trace_lde<E: FieldElement<BaseField = B>>(
        &self,
        info: &TraceInfo,
        main: &ColMatrix<B>,
        domain: &StarkDomain<B>,
        partitions: PartitionOptions,
    ) -> (Self::TraceLde<E>, TracePolyTable<E>) {
        DefaultTraceLde::new(info, main, domain, partitions)
    }

    fn new_evaluator<'a, E: FieldElement<BaseField = B>>(
        &self,
        air: &'a ProductAir<B>,
        aux: Option<AuxRandElements<E>>,
        coefficients: ConstraintCompositionCoefficients<E>,
    ) -> Self::ConstraintEvaluator<'a, E> {
        DefaultConstraintEvaluator::new(air, aux, coefficients)
    }

    fn build_constraint_commitment<E: FieldElement<BaseField = B>>(
        &self,
        composition: CompositionPolyTrace<E>,
        columns: usize,
        domain: &StarkDomain<B>,
        partitions: PartitionOptions,
    ) -> (Self::ConstraintCommitment<E>, CompositionPoly<E>) {
        DefaultConstraintCommitment::new(composition, columns, domain, partitions)
    }
}

/// The trace in winterfell's form.
fn table<B: Base>(columns: Vec<Vec<Felt>>) -> TraceTable<B> {
    let convert = |column: Vec<Felt>| -> Vec<B> { column.into_iter().map(B::lift).collect() };
    TraceTable::init(columns.into_iter().map(convert).collect())
}

/// winterfell's proof.
///
/// # Errors
/// If the prover fails.
pub fn proof<B: Base>(columns: Vec<Vec<Felt>>, options: ProofOptions) -> Result<Proof, Error> {
    let prover = Stock {
        options,
        field: PhantomData::<B>,
    };
    prover
        .prove(table(columns))
        .map_err(|error| Error::Peer(error.to_string()))
}

/// Proves, measures, and has winterfell's own verifier accept.
///
/// # Errors
/// If the proof fails or is rejected.
pub fn prove<B: Base>(log_rows: u32, options: ProofOptions) -> Result<Run, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Peer(error.to_string());
    let accepted = winter_verifier::AcceptableOptions::OptionSet(vec![options.clone()]);
    let prover = Stock {
        options,
        field: PhantomData::<B>,
    };
    let trace = || table::<B>(air::columns(log_rows));
    let first = prover.get_pub_inputs(&trace());
    let (proof, mut run) = timed_again(trace, |trace| prover.prove(trace))?;
    let proof = proof.map_err(|error| failed(&error))?;
    run.proof_bytes = proof.to_bytes().len() as u64;
    let start = Instant::now();
    winter_verifier::verify::<
        ProductAir<B>,
        Hash<B>,
        DefaultRandomCoin<Hash<B>>,
        MerkleTree<Hash<B>>,
    >(proof, first, &accepted)
    .map_err(|error| failed(&error))?;
    run.verify_ms = start.elapsed().as_secs_f64() * 1e3;
    Ok(run)
}
