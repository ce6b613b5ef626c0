//! What the rows of a channel are multiplied by when its cells are read: the same for every channel of an operator.

use winter_math::FieldElement;

use crate::coefficients::{power, powers};
use crate::field::{Felt, sum_of_products};
use crate::layout::Kind;

use super::sources::Sources;

/// What the rows of a channel are multiplied by, class by class.
pub(super) struct Pattern<E> {
    /// For each class: rows and factors.
    classes: Vec<Vec<(u32, E)>>,
}

impl<E: FieldElement<BaseField = Felt>> Pattern<E> {
    /// All rows in class 0, with these factors.
    fn one(factors: impl Iterator<Item = E>) -> Self {
        Self {
            classes: vec![(0..).zip(factors).collect()],
        }
    }

    fn none() -> Self {
        Self {
            classes: Vec::new(),
        }
    }

    /// Adds to the factor of a row, of which nothing came yet or the last.
    fn add(&mut self, class: usize, row: u32, factor: E) {
        if self.classes.len() <= class {
            self.classes.resize(class + 1, Vec::new());
        }
        let factors = &mut self.classes[class];
        match factors.last_mut() {
            Some((known, sum)) if *known == row => *sum += factor,
            _ => factors.push((row, factor)),
        }
    }

    /// Adds the rows of a channel, times their factors, to the classes.
    pub(super) fn add_to(&self, classes: &mut [E], rows: &[E]) {
        for (sum, factors) in classes.iter_mut().zip(&self.classes) {
            let pairs = factors.iter();
            *sum += sum_of_products(pairs.map(|&(row, factor)| (rows[row as usize], factor)));
        }
    }
}

/// Classes and values of the instances of a channel.
pub(super) enum Values<'a, E> {
    /// One class, and the powers of this ratio.
    Geometric(E),
    /// The classes and values of one sample's positions, and the ratio from sample to sample.
    Listed(&'a [(usize, E)], E),
}

impl<E: FieldElement<BaseField = Felt>> Values<'_, E> {
    /// The pattern of rows of this many lanes.
    fn pattern(&self, instances: usize, lanes: &[E]) -> Pattern<E> {
        let firsts = (0..instances).step_by(lanes.len());
        match *self {
            Self::Geometric(ratio) => {
                let fold = |lanes: &[E]| {
                    let lanes = lanes.iter().rev();
                    lanes.fold(E::ZERO, |sum, &lane| sum * ratio + lane)
                };
                let (whole, last) = (fold(lanes), fold(&lanes[..instances % lanes.len()]));
                let step = power(ratio, lanes.len() as u64);
                let mut factor = E::ONE;
                let row = |first: usize| {
                    let is_whole = first + lanes.len() <= instances;
                    let value = factor * if is_whole { whole } else { last };
                    factor *= step;
                    value
                };
                Pattern::one(firsts.map(row))
            }
            Self::Listed(values, sample_step) => {
                let samples = powers(sample_step, instances / values.len());
                let mut pattern = Pattern::none();
                for (row, first) in (0..).zip(firsts) {
                    for (instance, &lane) in (first..instances).zip(lanes) {
                        let (sample, position) = (instance / values.len(), instance % values.len());
                        let (class, value) = values[position];
                        let mut factor = value * lane;
                        if sample > 0 {
                            factor *= samples[sample];
                        }
                        pattern.add(class, row, factor);
                    }
                }
                pattern
            }
        }
    }

    /// The patterns of the kinds of lane that a piece has.
    pub(super) fn patterns(
        &self,
        sources: &Sources<'_, E>,
        piece: usize,
    ) -> [Pattern<E>; Kind::COUNT] {
        let rows = sources.rows;
        let used = rows.kinds(piece);
        std::array::from_fn(|kind| {
            let lanes = &rows.lane_powers[..rows.lanes[kind]];
            if used[kind] {
                self.pattern(sources.plan.instances(piece), lanes)
            } else {
                Pattern::none()
            }
        })
    }
}
