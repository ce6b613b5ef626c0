//! The one encoding of a shard proof.
//!
//! The body is the fields of [`Claims`] and then of [`Openings`], in the order of their declaration, without lengths
//! or tags: a field element is its canonical word (eight bytes, little-endian), an element of an extension its
//! coefficients from the constant one up, a digest its own bytes. Every count follows from the AIR, or from the query
//! positions, which follow from the claims; that is why the two parts are decoded in turn with the transcript replayed
//! between them.

use winter_crypto::{ElementHasher, Hasher};
use winter_math::FieldElement;
use winter_utils::Serializable;
use winterforge_air::field::Felt;

use super::{
    checks::CheckMask,
    error::StarkError,
    fri::LayerPlan,
    merkle::sibling_count,
    proof::{Claims, FriOpening, Openings, ShardProof},
    reader::Reader,
    shape::Shape,
};

impl<E, H> ShardProof<E, H>
where
    E: FieldElement<BaseField = Felt>,
    H: ElementHasher<BaseField = Felt>,
{
    /// The shard's body: everything but the main root.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let claims = &self.claims;
        write_digests::<H>(&mut bytes, claims.aux_root.as_slice());
        write_digests::<H>(&mut bytes, &[claims.constraint_root]);
        write_digests::<H>(&mut bytes, &claims.fri_roots);
        write_digests::<H>(&mut bytes, &[claims.remainder_root]);
        write_elements(&mut bytes, &claims.ood_current);
        write_elements(&mut bytes, &claims.ood_next);
        write_elements(&mut bytes, &claims.remainder);
        bytes.extend(claims.pow_nonce.to_le_bytes());

        let openings = &self.openings;
        write_elements(&mut bytes, &openings.main_rows);
        write_digests::<H>(&mut bytes, &openings.main_siblings);
        write_elements(&mut bytes, &openings.aux_rows);
        write_digests::<H>(&mut bytes, &openings.aux_siblings);
        write_elements(&mut bytes, &openings.constraint_rows);
        write_digests::<H>(&mut bytes, &openings.constraint_siblings);
        for layer in &openings.fri_layers {
            write_elements(&mut bytes, &layer.values);
            write_digests::<H>(&mut bytes, &layer.siblings);
        }
        bytes
    }
}

/// Decodes the first part of a body.
pub(super) fn decode_claims<E, H>(
    shape: &Shape,
    reader: &mut Reader<'_>,
    checks: &CheckMask,
) -> Result<Claims<E, H::Digest>, StarkError>
where
    E: FieldElement<BaseField = Felt>,
    H: ElementHasher<BaseField = Felt>,
{
    let width = shape.total_width();
    Ok(Claims {
        aux_root: (shape.aux_width > 0)
            .then(|| reader.digest::<H>("the auxiliary root"))
            .transpose()?,
        constraint_root: reader.digest::<H>("the constraint root")?,
        fri_roots: reader.digests::<H>(shape.layers.len(), "the FRI roots")?,
        remainder_root: reader.digest::<H>("the remainder's commitment")?,
        ood_current: reader.elements(width, "the out-of-domain row", checks)?,
        ood_next: reader.elements(width, "the next out-of-domain row", checks)?,
        remainder: reader.elements(shape.remainder_length, "the FRI remainder", checks)?,
        pow_nonce: reader.word("the nonce")?,
    })
}

/// Decodes the second part of a body for the sorted, distinct query `positions` and the FRI layers they lead to.
pub(super) fn decode_openings<E, H>(
    shape: &Shape,
    positions: &[usize],
    layers: &[LayerPlan],
    reader: &mut Reader<'_>,
    checks: &CheckMask,
) -> Result<Openings<E, H::Digest>, StarkError>
where
    E: FieldElement<BaseField = Felt>,
    H: ElementHasher<BaseField = Felt>,
{
    let rows = positions.len();
    let siblings = sibling_count(positions, shape.depth());
    let aux_siblings = if shape.aux_width > 0 { siblings } else { 0 };
    Ok(Openings {
        main_rows: reader.elements(rows * shape.main_width, "the main rows", checks)?,
        main_siblings: reader.digests::<H>(siblings, "the main siblings")?,
        aux_rows: reader.elements(rows * shape.aux_width, "the auxiliary rows", checks)?,
        aux_siblings: reader.digests::<H>(aux_siblings, "the auxiliary siblings")?,
        constraint_rows: reader.elements(
            rows * shape.composition_width,
            "the constraint rows",
            checks,
        )?,
        constraint_siblings: reader.digests::<H>(siblings, "the constraint siblings")?,
        fri_layers: layers
            .iter()
            .map(|layer| {
                Ok(FriOpening {
                    values: reader.elements(
                        layer.opened_values(),
                        "a FRI layer's values",
                        checks,
                    )?,
                    siblings: reader
                        .digests::<H>(layer.sibling_count(), "a FRI layer's siblings")?,
                })
            })
            .collect::<Result<_, StarkError>>()?,
    })
}

fn write_elements<E: FieldElement<BaseField = Felt>>(bytes: &mut Vec<u8>, elements: &[E]) {
    for coefficient in E::slice_as_base_elements(elements) {
        bytes.extend(coefficient.as_word().to_le_bytes());
    }
}

fn write_digests<H: Hasher>(bytes: &mut Vec<u8>, digests: &[H::Digest]) {
    for digest in digests {
        digest.write_into(bytes);
    }
}
