//! Our proofs in winterfell's form, for asking winterfell's own verifier in tests.

use winter_air::proof::{
    Commitments, Context, OodFrame, Proof, Queries, QuotientOodFrame, TraceOodFrame,
};
use winter_crypto::{BatchMerkleProof, ElementHasher, Hasher, MerkleTree};
use winter_fri::{FriProof, folding::fold_positions};
use winter_math::FieldElement;
use winter_utils::{ByteWriter, Deserializable, Serializable};
use winterforge_air::field::Felt;

use super::{
    super::{
        air::VerifierAir, deep, error::StarkError, fri::LayerPlan, proof::ShardProof, shape::Shape,
        transcript::Challenges,
    },
    mismatch, owning_lists,
};

impl<E, H> ShardProof<E, H>
where
    E: FieldElement<BaseField = Felt>,
    H: ElementHasher<BaseField = Felt>,
{
    /// The same proof as winterfell's prover would have built it. FRI values that our form leaves out are recomputed.
    ///
    /// # Errors
    /// If the parts are not as many as `air` calls for.
    pub fn to_winterfell<A: VerifierAir>(
        &self,
        air: &A,
        public_inputs: &[Felt],
    ) -> Result<Proof, StarkError> {
        let shape = Shape::new::<A, E>(air)?;
        let (claims, openings) = (&self.claims, &self.openings);
        let challenges =
            Challenges::replay::<A, H>(air, &shape, public_inputs, self.main_root, claims)?;
        let positions = &challenges.positions;

        let trace_roots = std::iter::once(self.main_root)
            .chain(claims.aux_root)
            .collect();
        let mut fri_roots = claims.fri_roots.clone();
        fri_roots.push(claims.remainder_root);

        let depth = shape.depth();
        let mut trace_queries = vec![queries::<_, H>(
            &openings.main_rows,
            shape.main_width,
            &openings.main_siblings,
            positions,
            depth,
        )];
        if shape.aux_width > 0 {
            trace_queries.push(queries::<_, H>(
                &openings.aux_rows,
                shape.aux_width,
                &openings.aux_siblings,
                positions,
                depth,
            ));
        }
        let constraint_queries = queries::<_, H>(
            &openings.constraint_rows,
            shape.composition_width,
            &openings.constraint_siblings,
            positions,
            depth,
        );

        let trace_width = shape.main_width + shape.aux_width;
        let (trace_current, constraint_current) = claims.ood_current.split_at(trace_width);
        let (trace_next, constraint_next) = claims.ood_next.split_at(trace_width);
        let mut ood_frame = OodFrame::default();
        ood_frame.set_trace_states(&TraceOodFrame::new(
            trace_current.to_vec(),
            trace_next.to_vec(),
            shape.main_width,
        ));
        ood_frame.set_quotient_states(&QuotientOodFrame::new(
            constraint_current.to_vec(),
            constraint_next.to_vec(),
        ));

        let constraints =
            air.context().num_assertions() + air.context().num_transition_constraints();
        Ok(Proof {
            context: Context::new::<Felt>(
                air.trace_info().clone(),
                air.options().clone(),
                constraints,
            ),
            num_unique_queries: u8::try_from(positions.len()).map_err(mismatch)?,
            commitments: Commitments::new::<H>(trace_roots, claims.constraint_root, fri_roots),
            trace_queries,
            constraint_queries,
            ood_frame,
            fri_proof: self.fri_proof(air, &shape, &challenges)?,
            pow_nonce: claims.pow_nonce,
        })
    }

    /// winterfell's FRI proof has no public constructor: it is written as bytes and read back.
    fn fri_proof<A: VerifierAir>(
        &self,
        air: &A,
        shape: &Shape,
        challenges: &Challenges<E>,
    ) -> Result<FriProof, StarkError> {
        let mut bytes = vec![u8::try_from(shape.layers.len()).map_err(mismatch)?];
        let mut evaluations =
            deep::evaluations(air, shape, &self.claims, &self.openings, challenges);
        let mut unsorted = challenges.positions.clone();
        let plans = LayerPlan::all(shape, &challenges.positions);
        for ((plan, &alpha), (opening, &domain_size)) in plans
            .iter()
            .zip(&challenges.alphas)
            .zip(self.openings.fri_layers.iter().zip(&shape.layers))
        {
            let rows = plan
                .complete(&evaluations, &opening.values)
                .ok_or_else(|| mismatch("a FRI layer has another number of values"))?;
            evaluations = plan.fold(&rows, shape.offset, alpha);

            unsorted = fold_positions(&unsorted, domain_size, shape.folding);
            let mut values = Vec::new();
            for position in &unsorted {
                let row = plan.rows.partition_point(|row| row < position) * shape.folding;
                values.write_many(&rows[row..row + shape.folding]);
            }
            let depth = (domain_size / shape.folding).ilog2();
            let paths = batch_proof::<H>(&opening.siblings, &plan.rows, depth).to_bytes();
            for part in [values, paths] {
                bytes.write_u32(u32::try_from(part.len()).map_err(mismatch)?);
                bytes.write_bytes(&part);
            }
        }
        let mut remainder = Vec::new();
        remainder.write_many(&self.claims.remainder);
        bytes.write_u16(u16::try_from(remainder.len()).map_err(mismatch)?);
        bytes.write_bytes(&remainder);
        // The logarithm of the number of partitions.
        bytes.write_u8(0);
        FriProof::read_from_bytes(&bytes).map_err(mismatch)
    }
}

fn queries<F, H>(
    rows: &[F],
    width: usize,
    siblings: &[H::Digest],
    positions: &[usize],
    depth: u32,
) -> Queries
where
    F: FieldElement<BaseField = Felt>,
    H: ElementHasher<BaseField = Felt>,
{
    let rows = rows.chunks(width).map(<[F]>::to_vec).collect();
    Queries::new::<H, F, MerkleTree<H>>(batch_proof::<H>(siblings, positions, depth), rows)
}

fn batch_proof<H: Hasher>(
    siblings: &[H::Digest],
    positions: &[usize],
    depth: u32,
) -> BatchMerkleProof<H> {
    let mut pairs: Vec<usize> = positions.iter().map(|position| position >> 1).collect();
    pairs.dedup();
    let mut nodes = vec![Vec::new(); pairs.len()];
    for (list, &sibling) in owning_lists(positions, depth).into_iter().zip(siblings) {
        nodes[list].push(sibling);
    }
    BatchMerkleProof {
        nodes,
        depth: depth as u8,
    }
}
