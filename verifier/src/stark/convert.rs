//! Between winterfell's proofs and ours.
//!
//! winterfell encodes Merkle openings pair by pair, FRI rows in order of first appearance, and repeats in every FRI
//! layer the values that follow from the layer before. The prover makes its proofs with winterfell and converts them
//! with [`ShardProof::from_winterfell`]; the way back exists so that tests can ask winterfell's own verifier.

use winter_air::{
    Air,
    proof::{Proof, Queries},
};
use winter_crypto::{BatchMerkleProof, ElementHasher, Hasher, MerkleTree};
use winter_math::FieldElement;
use winterforge_air::field::Felt;

use super::{
    error::StarkError,
    fri::LayerPlan,
    proof::{Claims, FriOpening, Openings, ShardProof},
    shape::Shape,
    transcript::Challenges,
};

#[cfg(feature = "forge")]
mod back;

impl<E, H> ShardProof<E, H>
where
    E: FieldElement<BaseField = Felt>,
    H: ElementHasher<BaseField = Felt>,
{
    /// Our form of a proof that winterfell's prover made for `air`, with `public_inputs` the elements of its public
    /// inputs.
    ///
    /// Converts and does not verify. For the prover's own proofs: winterfell's parser aborts on some malformed ones.
    ///
    /// # Errors
    /// If the proof's parameters are not those of `air`, or its parts are not as many as they call for.
    pub fn from_winterfell<A: Air<BaseField = Felt>>(
        proof: Proof,
        air: &A,
        public_inputs: &[Felt],
    ) -> Result<Self, StarkError> {
        let shape = Shape::new::<A, E>(air)?;
        if proof.trace_info() != air.trace_info() || proof.options() != air.options() {
            return Err(mismatch("it was made for other parameters"));
        }
        let segments = air.trace_info().num_segments();
        if proof.trace_queries.len() != segments
            || proof.fri_proof.num_layers() != shape.layers.len()
            || proof.fri_proof.num_partitions() != 1
        {
            return Err(mismatch("it has other segments, layers or partitions"));
        }

        let (trace_roots, constraint_root, mut fri_roots) = proof
            .commitments
            .parse::<H>(segments, shape.layers.len())
            .map_err(mismatch)?;
        let mut trace_roots = trace_roots.into_iter();
        let (Some(main_root), Some(remainder_root)) = (trace_roots.next(), fri_roots.pop()) else {
            return Err(mismatch("it lacks a commitment"));
        };
        let (trace_rows, constraint_values) = proof
            .ood_frame
            .parse::<E>(shape.main_width, shape.aux_width, shape.composition_width)
            .map_err(mismatch)?;
        let remainder = proof.fri_proof.parse_remainder::<E>().map_err(mismatch)?;
        if remainder.len() != shape.remainder_length {
            return Err(StarkError::RemainderDegree {
                expected: shape.remainder_length,
                found: remainder.len(),
            });
        }
        let claims = Claims {
            aux_root: trace_roots.next(),
            constraint_root,
            fri_roots,
            remainder_root,
            ood_current: [trace_rows.current_row(), constraint_values.current_row()].concat(),
            ood_next: [trace_rows.next_row(), constraint_values.next_row()].concat(),
            remainder,
            pow_nonce: proof.pow_nonce,
        };

        let positions =
            Challenges::replay::<A, H>(air, &shape, public_inputs, main_root, &claims)?.positions;
        if usize::from(proof.num_unique_queries) != positions.len() {
            return Err(mismatch("it answers another number of queries"));
        }
        let rows_at = RowsAt {
            positions: &positions,
            domain_size: shape.lde_size,
        };
        let mut segments = proof.trace_queries.into_iter();
        let (main_rows, main_siblings) =
            rows_at.convert::<Felt, H>(segments.next(), shape.main_width)?;
        let (aux_rows, aux_siblings) = rows_at.convert::<E, H>(segments.next(), shape.aux_width)?;
        let (constraint_rows, constraint_siblings) =
            rows_at.convert::<E, H>(Some(proof.constraint_queries), shape.composition_width)?;

        let (layer_values, layer_proofs) = proof
            .fri_proof
            .parse_layers::<E, H, MerkleTree<H>>(shape.lde_size, shape.folding)
            .map_err(mismatch)?;
        let mut unsorted = positions.clone();
        let fri_layers = LayerPlan::all(&shape, &positions)
            .iter()
            .zip(&shape.layers)
            .zip(layer_values.iter().zip(&layer_proofs))
            .map(|((plan, &domain_size), (values, opening))| {
                unsorted =
                    winter_fri::folding::fold_positions(&unsorted, domain_size, shape.folding);
                let rows = sort_rows(&unsorted, values, shape.folding)
                    .ok_or_else(|| mismatch("a FRI layer has another number of rows"))?;
                let siblings = canonical_siblings(opening, &plan.rows)
                    .ok_or_else(|| mismatch("a FRI layer's opening has the wrong nodes"))?;
                Ok(FriOpening {
                    values: plan.strip(&rows),
                    siblings,
                })
            })
            .collect::<Result<_, StarkError>>()?;

        Ok(Self {
            main_root,
            claims,
            openings: Openings {
                main_rows,
                main_siblings,
                aux_rows,
                aux_siblings,
                constraint_rows,
                constraint_siblings,
                fri_layers,
            },
        })
    }
}

/// winterfell writes tables of one row or column more, but panics when it reads them.
const MAX_TABLE_SIDE: usize = 254;

/// The query positions, sorted and distinct, in a domain.
struct RowsAt<'a> {
    positions: &'a [usize],
    domain_size: usize,
}

impl RowsAt<'_> {
    /// Concatenated rows and canonical siblings of one committed table; of none where there is no table.
    fn convert<F, H>(
        &self,
        queries: Option<Queries>,
        width: usize,
    ) -> Result<(Vec<F>, Vec<H::Digest>), StarkError>
    where
        F: FieldElement<BaseField = Felt>,
        H: ElementHasher<BaseField = Felt>,
    {
        let Some(queries) = queries else {
            return Ok((Vec::new(), Vec::new()));
        };
        if width > MAX_TABLE_SIDE || self.positions.len() > MAX_TABLE_SIDE {
            return Err(mismatch(
                "winterfell cannot read a table of 255 rows or columns",
            ));
        }
        let (opening, table) = queries
            .parse::<F, H, MerkleTree<H>>(self.domain_size, self.positions.len(), width)
            .map_err(mismatch)?;
        let siblings = canonical_siblings(&opening, self.positions)
            .ok_or_else(|| mismatch("an opening has the wrong nodes"))?;
        Ok((table.rows().flatten().copied().collect(), siblings))
    }
}

/// The siblings of a winterfell opening in our order, or `None` if there are more or fewer than called for.
fn canonical_siblings<H: Hasher>(
    opening: &BatchMerkleProof<H>,
    positions: &[usize],
) -> Option<Vec<H::Digest>> {
    let mut lists: Vec<_> = opening.nodes.iter().map(|list| list.iter()).collect();
    let siblings = owning_lists(positions, opening.depth.into())
        .into_iter()
        .map(|list| lists.get_mut(list)?.next().copied())
        .collect::<Option<_>>()?;
    lists
        .iter_mut()
        .all(|list| list.next().is_none())
        .then_some(siblings)
}

/// For each sibling in our order, the index of the list that holds it in winterfell's opening.
///
/// winterfell keeps one list for each opened pair of leaves. Going up, the k-th node of a level, if it lacks its
/// sibling, takes it from the k-th list, k counting the nodes of that level.
fn owning_lists(positions: &[usize], depth: u32) -> Vec<usize> {
    let mut lists = Vec::new();
    let mut level = positions.to_vec();
    for height in 0..depth {
        let mut parents = Vec::with_capacity(level.len());
        let mut index = 0;
        while let Some(&node) = level.get(index) {
            if level.get(index + 1) == Some(&(node ^ 1)) {
                index += 1;
            } else if height == 0 {
                lists.push(parents.len());
            } else {
                lists.push(index);
            }
            parents.push(node >> 1);
            index += 1;
        }
        level = parents;
    }
    lists
}

/// Concatenated rows sorted by position, or `None` if there is not one row of `width` for each position.
fn sort_rows<E: FieldElement>(positions: &[usize], rows: &[E], width: usize) -> Option<Vec<E>> {
    if rows.len() != positions.len() * width {
        return None;
    }
    let mut rows: Vec<_> = positions.iter().zip(rows.chunks_exact(width)).collect();
    rows.sort_unstable_by_key(|&(position, _)| position);
    Some(rows.into_iter().flat_map(|(_, row)| row).copied().collect())
}

fn mismatch(reason: impl ToString) -> StarkError {
    StarkError::Conversion(reason.to_string())
}
