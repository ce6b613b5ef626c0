//! The integer model: what a job must give, from the definition.

use super::plan::ROOT;
use crate::goldilocks::{P, model};

/// What a job does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// Logarithm of the number of words.
    pub log_n: usize,
    /// From values to coefficients instead of from coefficients to values.
    pub is_inverse: bool,
    /// The values are taken on the coset whose shift the kernel holds instead of on the subgroup.
    pub is_coset: bool,
}

/// The values of the polynomial with coefficients `x` at w^0, w^1, .., or the sum with w^-1 for w if
/// `is_inverse`, not yet divided by the length.
pub fn transform(x: &[u64], is_inverse: bool) -> Vec<u64> {
    let order = x.len() as u64;
    let root = model::power(ROOT, (1 << 32) / order);
    recurse(
        x,
        if is_inverse {
            model::power(root, P - 2)
        } else {
            root
        },
    )
}

fn recurse(x: &[u64], root: u64) -> Vec<u64> {
    if x.len() == 1 {
        return x.to_vec();
    }
    let half = |parity: usize| -> Vec<u64> { x.iter().skip(parity).step_by(2).copied().collect() };
    let square = model::multiply(root, root);
    let (even, odd) = (recurse(&half(0), square), recurse(&half(1), square));
    let mut factor = 1;
    let mut result = vec![0; x.len()];
    for (k, (&e, &o)) in even.iter().zip(&odd).enumerate() {
        let t = model::multiply(o, factor);
        result[k] = model::add(e, t);
        result[k + x.len() / 2] = model::subtract(e, t);
        factor = model::multiply(factor, root);
    }
    result
}

/// What the kernel gives for a job on `x`, its coset shift being `shift`.
pub fn run(job: Job, x: &[u64], shift: u64) -> Vec<u64> {
    let shift = if job.is_coset { shift } else { 1 };
    let scale = |x: &[u64], first: u64, ratio: u64| -> Vec<u64> {
        let mut factor = first;
        let mut scaled = Vec::with_capacity(x.len());
        for &word in x {
            scaled.push(model::multiply(word, factor));
            factor = model::multiply(factor, ratio);
        }
        scaled
    };
    if job.is_inverse {
        let invert = |x| model::power(x, P - 2);
        scale(&transform(x, true), invert(x.len() as u64), invert(shift))
    } else {
        transform(&scale(x, 1, shift), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Rng;

    /// The definition itself, term by term.
    fn evaluate(x: &[u64], point: u64) -> u64 {
        x.iter()
            .rev()
            .fold(0, |sum, &c| model::add(model::multiply(sum, point), c))
    }

    #[test]
    fn transforms_evaluate_polynomials() {
        let mut rng = Rng::new(3);
        for log_n in 0..7 {
            let x: Vec<u64> = (0..1 << log_n).map(|_| rng.next_u64() % P).collect();
            let root = model::power(ROOT, 1 << (32 - log_n));
            let job = Job {
                log_n,
                is_inverse: false,
                is_coset: true,
            };
            let values = run(job, &x, 7);
            for (k, &value) in values.iter().enumerate() {
                let point = model::multiply(7, model::power(root, k as u64));
                assert_eq!(value, evaluate(&x, point));
            }
            assert_eq!(
                run(
                    Job {
                        is_inverse: true,
                        ..job
                    },
                    &values,
                    7
                ),
                x
            );
        }
    }
}
