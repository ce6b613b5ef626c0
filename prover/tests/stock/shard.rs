//! The proof of one shard with the parts of winterfell's own prover: LDE, commitments, constraint evaluation, FRI. Slow,
//! and split where the joint challenge needs it: the seed depends on the main roots of *all* shards.

use winter_air::proof::{Commitments, Context, OodFrame, Proof, merge_ood_evaluations};
use winter_air::{Air, PartitionOptions, ProofOptions, TraceInfo};
use winter_crypto::{DefaultRandomCoin, ElementHasher, MerkleTree, RandomCoin, RandomCoinError};
use winter_fri::FriProver;
use winter_math::{ExtensionOf, FieldElement, StarkField, ToElements, fft, polynom};
use winter_prover::matrix::ColMatrix;
use winter_prover::{
    CompositionPoly, ConstraintCommitment, ConstraintEvaluator, DefaultConstraintCommitment,
    DefaultConstraintEvaluator, DefaultTraceLde, StarkDomain, TraceLde, TracePolyTable,
};
use winterforge_air::field::{Cube, Felt};
use winterforge_air::shard_air::{ShardAir, ShardInputs};

/// One partition: the only layout that the verifier accepts.
const PARTITIONS: PartitionOptions = PartitionOptions::new(1, 1);

/// A shard whose main segment is committed.
pub(crate) struct CommittedShard<H: ElementHasher<BaseField = Felt>> {
    trace_info: TraceInfo,
    options: ProofOptions,
    domain: StarkDomain<Felt>,
    lde: DefaultTraceLde<Cube, H, MerkleTree<H>>,
    polys: TracePolyTable<Cube>,
}

impl<H: ElementHasher<BaseField = Felt> + Send + Sync> CommittedShard<H> {
    /// Extends and commits to the main columns.
    pub(crate) fn new(
        trace_info: TraceInfo,
        options: ProofOptions,
        columns: Vec<Vec<Felt>>,
    ) -> Self {
        let twiddles = fft::get_twiddles(trace_info.length());
        let domain =
            StarkDomain::from_twiddles(twiddles, options.blowup_factor(), options.domain_offset());
        let (lde, polys) =
            DefaultTraceLde::new(&trace_info, &ColMatrix::new(columns), &domain, PARTITIONS);
        Self {
            trace_info,
            options,
            domain,
            lde,
            polys,
        }
    }

    /// The root of the main segment.
    pub(crate) fn main_root(&self) -> H::Digest {
        self.lde.get_main_trace_commitment()
    }

    /// Finishes the proof with the auxiliary columns that the joint challenges demand.
    ///
    /// # Errors
    /// If the hash yields no field element after a thousand tries, which no input is known to cause.
    pub(crate) fn finish(
        mut self,
        inputs: ShardInputs,
        aux: Vec<Vec<Cube>>,
    ) -> Result<Proof, RandomCoinError> {
        let input_elements = inputs.to_elements();
        let air = ShardAir::new(self.trace_info.clone(), inputs, self.options.clone());
        let constraints =
            air.context().num_assertions() + air.context().num_transition_constraints();
        let context =
            Context::new::<Felt>(self.trace_info.clone(), self.options.clone(), constraints);
        let mut channel = Channel::<H>::new(&context, &input_elements);

        channel.commit(self.main_root());
        let challenges = air.get_aux_rand_elements::<Cube, _>(&mut channel.coin)?;
        let (aux_polys, aux_root) = self.lde.set_aux_trace(&ColMatrix::new(aux), &self.domain);
        self.polys.add_aux_segment(aux_polys);
        channel.commit(aux_root);

        let coefficients = air.get_constraint_composition_coefficients(&mut channel.coin)?;
        // The evaluator wants a domain that knows its size for constraints.
        let domain = StarkDomain::new(&air);
        let evaluator = DefaultConstraintEvaluator::new(&air, Some(challenges), coefficients);
        let composition = evaluator.evaluate(&self.lde, &domain);
        let columns = air.context().num_constraint_composition_columns();
        let (constraint_commitment, quotients) = DefaultConstraintCommitment::<
            Cube,
            H,
            MerkleTree<H>,
        >::new(
            composition, columns, &domain, PARTITIONS
        );
        channel.commit(constraint_commitment.commitment());

        let z = channel.coin.draw::<Cube>()?;
        let trace_frame = self.polys.get_ood_frame(z);
        let quotient_frame = quotients.get_ood_frame(z);
        channel.coin.reseed(H::hash_elements(&merge_ood_evaluations(
            &trace_frame,
            &quotient_frame,
        )));
        let mut ood_frame = OodFrame::default();
        ood_frame.set_trace_states(&trace_frame);
        ood_frame.set_quotient_states(&quotient_frame);

        let deep = air.get_deep_composition_coefficients::<Cube, _>(&mut channel.coin)?;
        let weights: Vec<Cube> = deep
            .trace
            .iter()
            .chain(&deep.constraints)
            .copied()
            .collect();
        let at = |trace: &[Cube], quotients: &[Cube]| -> Cube {
            trace
                .iter()
                .chain(quotients)
                .zip(&weights)
                .fold(Cube::ZERO, |sum, (&value, &weight)| sum + value * weight)
        };
        let values = [
            at(trace_frame.current_row(), quotient_frame.current_row()),
            at(trace_frame.next_row(), quotient_frame.next_row()),
        ];
        let deep_polynomial = deep_polynomial(&self.polys, &quotients, &weights, z, values);
        let evaluations = fft::evaluate_poly_with_offset(
            &deep_polynomial,
            domain.trace_twiddles(),
            domain.offset(),
            domain.trace_to_lde_blowup(),
        );

        let mut fri =
            FriProver::<Cube, Channel<H>, H, MerkleTree<H>>::new(air.options().to_fri_options());
        fri.build_layers(&mut channel, evaluations);
        if let Some(error) = channel.failure {
            return Err(error);
        }
        let pow_nonce = grind(&channel.coin, self.options.grinding_factor());
        let mut positions = channel.coin.draw_integers(
            self.options.num_queries(),
            air.lde_domain_size(),
            pow_nonce,
        )?;
        positions.sort_unstable();
        positions.dedup();

        let fri_proof = fri.build_proof(&positions);
        let trace_queries = self.lde.query(&positions);
        let constraint_queries = constraint_commitment.query(&positions);
        Ok(Proof {
            context,
            num_unique_queries: positions.len() as u8,
            commitments: channel.commitments,
            trace_queries,
            constraint_queries,
            ood_frame,
            fri_proof,
            pow_nonce,
        })
    }
}

/// The transcript: every commitment, and the coin that each of them reseeds.
struct Channel<H: ElementHasher<BaseField = Felt>> {
    coin: DefaultRandomCoin<H>,
    commitments: Commitments,
    failure: Option<RandomCoinError>,
}

impl<H: ElementHasher<BaseField = Felt>> Channel<H> {
    fn new(context: &Context, inputs: &[Felt]) -> Self {
        let mut seed = context.to_elements();
        seed.extend_from_slice(inputs);
        Self {
            coin: DefaultRandomCoin::new(&seed),
            commitments: Commitments::default(),
            failure: None,
        }
    }

    fn commit(&mut self, root: H::Digest) {
        self.commitments.add::<H>(&root);
        self.coin.reseed(root);
    }
}

impl<H: ElementHasher<BaseField = Felt>> winter_fri::ProverChannel<Cube> for Channel<H> {
    type Hasher = H;

    fn commit_fri_layer(&mut self, root: H::Digest) {
        self.commit(root);
    }

    fn draw_fri_alpha(&mut self) -> Cube {
        self.coin.draw().unwrap_or_else(|error| {
            self.failure = Some(error);
            Cube::ZERO
        })
    }
}

/// The smallest nonce that meets the proof of work: any other would make the bytes depend on the search.
fn grind<H: ElementHasher<BaseField = Felt>>(coin: &DefaultRandomCoin<H>, bits: u32) -> u64 {
    (1..u64::MAX)
        .find(|&nonce| coin.check_leading_zeros(nonce) >= bits)
        .unwrap_or(u64::MAX)
}

/// `sum_i w_i (T_i(x) - T_i(z)) / (x - z) + sum_i w_i (T_i(x) - T_i(zg)) / (x - zg)`, as coefficients.
///
/// `values` are the weighted sums of the columns at `z` and `zg`.
fn deep_polynomial(
    polys: &TracePolyTable<Cube>,
    quotients: &CompositionPoly<Cube>,
    weights: &[Cube],
    z: Cube,
    values: [Cube; 2],
) -> Vec<Cube> {
    let length = polys.poly_size();
    let mut combined = vec![Cube::ZERO; length];
    let mut weights = weights.iter();
    for (column, &weight) in polys.main_trace_polys().zip(weights.by_ref()) {
        for (sum, &coefficient) in combined.iter_mut().zip(column) {
            *sum += weight.mul_base(coefficient);
        }
    }
    for (column, &weight) in polys
        .aux_trace_polys()
        .chain(quotients.data().columns())
        .zip(weights)
    {
        for (sum, &coefficient) in combined.iter_mut().zip(column) {
            *sum += weight * coefficient;
        }
    }
    let g = Felt::get_root_of_unity(length.ilog2());
    let mut result = vec![Cube::ZERO; length];
    for (point, value) in [z, z.mul_base(g)].into_iter().zip(values) {
        let mut quotient = combined.clone();
        quotient[0] -= value;
        polynom::syn_div_in_place(&mut quotient, 1, point);
        for (sum, coefficient) in result.iter_mut().zip(quotient) {
            *sum += coefficient;
        }
    }
    result
}
