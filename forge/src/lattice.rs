//! Small integer solutions of linear equations over the field, by lattice reduction (Lenstra, Lenstra, Lovasz 1982).
//!
//! This is what a prover does with a byte vector that it may still choose when the challenge is known: 40 bytes hold
//! 320 bits, three equations over a 64-bit field take 192.

use winter_math::StarkField;
use winterforge_air::field::Felt;

/// Coordinates of an extension element.
const EQUATIONS: usize = 3;
/// Bits of the residues that one round of reduction adds to what it looks at.
const BITS_PER_ROUND: i32 = 10;

/// A combination of the unknowns, and what the equations make of it, as integers.
#[derive(Clone)]
struct Vector {
    unknowns: Vec<i64>,
    residues: [i128; EQUATIONS],
}

impl Vector {
    fn subtract(&mut self, other: &Self, factor: i64) {
        for (cell, &by) in self.unknowns.iter_mut().zip(&other.unknowns) {
            *cell -= factor * by;
        }
        for (cell, by) in self.residues.iter_mut().zip(other.residues) {
            *cell -= i128::from(factor) * by;
        }
    }

    /// Coordinates as reduction sees them: residues down to the bit `shift`.
    fn scaled(&self, shift: i32) -> Vec<f64> {
        let scale = (-f64::from(shift)).exp2();
        let unknowns = self.unknowns.iter().map(|&cell| cell as f64);
        let residues = self.residues.iter().map(|&cell| cell as f64 * scale);
        unknowns.chain(residues).collect()
    }
}

/// Short integer vectors `x` with `sum x_i coefficients_i = 0` modulo p, in each coordinate.
pub fn short_solutions(coefficients: &[[Felt; EQUATIONS]]) -> Vec<Vec<i64>> {
    let count = coefficients.len();
    let mut basis: Vec<Vector> = coefficients
        .iter()
        .enumerate()
        .map(|(index, words)| {
            let mut unknowns = vec![0; count];
            unknowns[index] = 1;
            Vector {
                unknowns,
                residues: words.map(|word| i128::from(word.as_word())),
            }
        })
        .collect();
    for equation in 0..EQUATIONS {
        let mut residues = [0; EQUATIONS];
        residues[equation] = i128::from(Felt::MODULUS);
        basis.push(Vector {
            unknowns: vec![0; count],
            residues,
        });
    }
    // From the highest bits of the residues to the lowest and beyond, so that only residues of zero stay short.
    let mut shift = 64;
    while shift > -BITS_PER_ROUND {
        shift -= BITS_PER_ROUND;
        reduce(&mut basis, shift);
    }
    basis
        .into_iter()
        .filter(|vector| vector.residues == [0; EQUATIONS])
        .map(|vector| vector.unknowns)
        .filter(|unknowns| unknowns.iter().any(|&cell| cell != 0))
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// LLL with floating-point orthogonalisation; the vectors themselves are exact.
fn reduce(basis: &mut [Vector], shift: i32) {
    let mut orthogonal: Vec<Vec<f64>> = vec![Vec::new(); basis.len()];
    let mut norms = vec![0.0; basis.len()];
    let mut index = 0;
    while index < basis.len() {
        loop {
            let mut changed = false;
            for below in (0..index).rev() {
                let current = basis[index].scaled(shift);
                let factor = (dot(&current, &orthogonal[below]) / norms[below]).round();
                if factor != 0.0 {
                    let other = basis[below].clone();
                    basis[index].subtract(&other, factor as i64);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        let mut rest = basis[index].scaled(shift);
        let mut last = 0.0;
        for below in 0..index {
            last = dot(&rest, &orthogonal[below]) / norms[below];
            for (cell, by) in rest.iter_mut().zip(&orthogonal[below]) {
                *cell -= last * by;
            }
        }
        let norm = dot(&rest, &rest);
        if index > 0 && norm + last * last * norms[index - 1] < 0.99 * norms[index - 1] {
            basis.swap(index - 1, index);
            index -= 1;
        } else {
            orthogonal[index] = rest;
            norms[index] = norm;
            index += 1;
        }
    }
}
