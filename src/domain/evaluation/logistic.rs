//! Logistic regression by maximum likelihood, for a few inputs.

/// The inputs of a person, the first of them 1 for the intercept.
pub(super) struct Observation<const N: usize> {
    pub inputs: [f64; N],
    pub weight: f64,
    pub case: bool,
}

/// Steps of Newton's method; a fit that needs more does not exist.
const MOST_STEPS: usize = 50;

/// The coefficients. `None` if the data do not determine them, as when the inputs separate the cases completely.
pub(super) fn fit<const N: usize>(people: impl Iterator<Item = Observation<N>> + Clone) -> Option<[f64; N]> {
    let mut coefficients = [0.0; N];
    for _ in 0..MOST_STEPS {
        let (mut gradient, mut curvature) = ([0.0; N], [[0.0; N]; N]);
        for Observation { inputs, weight, case } in people.clone() {
            let risk = probability(log_odds(&coefficients, &inputs));
            let residual = weight * (f64::from(u8::from(case)) - risk);
            let spread = weight * risk * (1.0 - risk);
            for ((slope, row), input) in gradient.iter_mut().zip(&mut curvature).zip(&inputs) {
                *slope += residual * input;
                for (cell, other) in row.iter_mut().zip(&inputs) {
                    *cell += spread * input * other;
                }
            }
        }
        let step = solve(curvature, gradient)?;
        for (coefficient, change) in coefficients.iter_mut().zip(&step) {
            *coefficient += change;
        }
        if coefficients.iter().any(|coefficient| !coefficient.is_finite() || coefficient.abs() > 1e4) {
            return None;
        }
        if step.iter().all(|change| change.abs() < 1e-9) {
            return Some(coefficients);
        }
    }
    None
}

pub(super) fn log_odds<const N: usize>(coefficients: &[f64; N], inputs: &[f64; N]) -> f64 {
    coefficients.iter().zip(inputs).map(|(coefficient, input)| coefficient * input).sum()
}

pub(super) fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Solves a system of linear equations by elimination. `None` if it has no single solution.
fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> Option<[f64; N]> {
    for column in 0..N {
        let size = |row: &usize| matrix[*row][column].abs();
        let pivot = (column..N).max_by(|one, other| size(one).total_cmp(&size(other)))?;
        if size(&pivot) < 1e-12 {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        let (pivot_row, pivot_right) = (matrix[column], right[column]);
        for (row, value) in matrix.iter_mut().zip(&mut right).skip(column + 1) {
            let factor = row[column] / pivot_row[column];
            for (cell, above) in row.iter_mut().zip(&pivot_row) {
                *cell -= factor * above;
            }
            *value -= factor * pivot_right;
        }
    }
    let mut solution = [0.0; N];
    for row in (0..N).rev() {
        let known: f64 = matrix[row].iter().zip(&solution).skip(row + 1).map(|(cell, found)| cell * found).sum();
        solution[row] = (right[row] - known) / matrix[row][row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed<const N: usize>(inputs: [f64; N], weight: f64, case: bool) -> Observation<N> {
        Observation { inputs, weight, case }
    }

    /// At input 0: 1 case of 4, log odds ln(1/3). At input 1: 3 of 4, log odds ln 3. So the intercept is -ln 3 and the slope
    /// 2 ln 3.
    #[test]
    fn one_input_of_two_values_gives_the_log_odds_of_each() {
        let people = || {
            [(0.0, 1.0, true), (0.0, 3.0, false), (1.0, 3.0, true), (1.0, 1.0, false)]
                .into_iter()
                .map(|(input, weight, case)| observed([1.0, input], weight, case))
        };
        let [intercept, slope] = fit(people()).unwrap();
        assert!((intercept + 3.0_f64.ln()).abs() < 1e-9 && (slope - 2.0 * 3.0_f64.ln()).abs() < 1e-9);
        assert!((probability(log_odds(&[intercept, slope], &[1.0, 1.0])) - 0.75).abs() < 1e-9);
    }

    #[test]
    fn data_that_determine_nothing_have_no_fit() {
        // The input separates the cases.
        let separated = [(0.0, false), (1.0, true)].into_iter();
        let people = separated.map(|(input, case)| observed([1.0, input], 1.0, case));
        assert!(fit(people).is_none());
        // Both inputs are the same.
        let people = [true, false, true].into_iter().map(|case| observed([1.0, 1.0], 1.0, case));
        assert!(fit(people).is_none());
    }

    /// 2x + y = 5, x - y = 1: x = 2, y = 1. The first pivot is not on the diagonal of the second system: y = 3, x = 4.
    #[test]
    fn equations_are_solved() {
        for (matrix, right, solution) in
            [([[2.0, 1.0], [1.0, -1.0]], [5.0, 1.0], [2.0, 1.0]), ([[0.0, 1.0], [1.0, 0.0]], [3.0, 4.0], [4.0, 3.0])]
        {
            let found = solve(matrix, right).unwrap();
            assert!(found.iter().zip(solution).all(|(one, other)| (one - other).abs() < 1e-12), "{found:?}");
        }
        assert!(solve([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0]).is_none());
    }
}
