//! How the cells of a proof grow: `cells = a weights + b outputs + c` over the set of models.
//!
//! No weight takes a cell, so `a = 0` by construction, and `b` and `c` are what ordinary least squares give.

use crate::counts::Counts;

/// The fitted line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Cells for each output.
    pub per_output: f64,
    /// Cells that every proof takes.
    pub constant: f64,
}

impl Growth {
    /// Fits the used cells, main and auxiliary, of the single proofs among `counts`; `None` if they have fewer than two
    /// different numbers of outputs.
    pub fn fit<'a>(counts: impl IntoIterator<Item = &'a Counts>) -> Option<Self> {
        let points: Vec<(f64, f64)> = counts
            .into_iter()
            .filter(|count| count.batch == 1)
            .map(|count| (count.outputs() as f64, count.state_cells() as f64))
            .collect();
        Self::through(&points)
    }

    fn through(points: &[(f64, f64)]) -> Option<Self> {
        let mean =
            |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / points.len() as f64;
        let (mean_x, mean_y) = (mean(|p| p.0), mean(|p| p.1));
        let moment = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
            let centred = points.iter().map(|&(x, y)| f(x - mean_x, y - mean_y));
            centred.sum()
        };
        let variance = moment(&|x, _| x * x);
        (variance > 0.0).then(|| {
            let per_output = moment(&|x, y| x * y) / variance;
            Self {
                per_output,
                constant: mean_y - per_output * mean_x,
            }
        })
    }

    /// What the line says about a proof.
    pub fn cells(&self, count: &Counts) -> f64 {
        self.per_output * count.outputs() as f64 + self.constant
    }
}

#[cfg(test)]
mod tests {
    use super::Growth;

    #[test]
    fn a_line_is_found_again() {
        let line = |x: f64| (x, 9.5 * x + 300.0);
        let fitted = Growth::through(&[line(50.0), line(8_000.0), line(6e6)]).unwrap();
        assert!((fitted.per_output - 9.5).abs() < 1e-9);
        assert!((fitted.constant - 300.0).abs() < 1e-3);
        assert_eq!(Growth::through(&[line(50.0), line(50.0)]), None);
        assert_eq!(Growth::through(&[]), None);
    }
}
