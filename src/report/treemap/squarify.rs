//! Squarified treemaps: a rectangle divided by weights into rectangles that are as square as possible (Bruls, Huizing and
//! van Wijk, 2000).

use crate::report::picture::Bounds;

/// Divides a rectangle by positive weights in descending order. Returns a rectangle for each weight.
pub(super) fn squarify(weights: &[f64], bounds: Bounds) -> Vec<Bounds> {
    let total: f64 = weights.iter().sum();
    if total <= 0.0 {
        return vec![
            Bounds {
                width: 0.0,
                height: 0.0,
                ..bounds
            };
            weights.len()
        ];
    }
    let scale = bounds.area() / total;
    let areas: Vec<f64> = weights.iter().map(|weight| weight * scale).collect();
    let mut tiles = Vec::with_capacity(areas.len());
    let (mut rest, mut free) = (areas.as_slice(), bounds);
    while !rest.is_empty() {
        let side = free.width.min(free.height);
        let count = row_length(rest, side);
        let (row, others) = rest.split_at(count);
        free = place_row(row, free, &mut tiles);
        rest = others;
    }
    tiles
}

/// Returns the number of areas in the next row: as long as its worst tile becomes more square.
fn row_length(areas: &[f64], side: f64) -> usize {
    let mut best = f64::INFINITY;
    for count in 1..=areas.len() {
        let worst = worst_ratio(&areas[..count], side);
        if worst > best {
            return count - 1;
        }
        best = worst;
    }
    areas.len()
}

/// Returns the longest side of the least square tile, relative to the other side.
fn worst_ratio(row: &[f64], side: f64) -> f64 {
    let sum: f64 = row.iter().sum();
    let depth = sum / side;
    let ratio = |area: &f64| {
        let length = area / depth;
        (length / depth).max(depth / length)
    };
    row.iter().map(ratio).fold(0.0, f64::max)
}

/// Places a row along the shorter side. Returns what is left.
fn place_row(row: &[f64], free: Bounds, tiles: &mut Vec<Bounds>) -> Bounds {
    let sum: f64 = row.iter().sum();
    let is_column = free.width >= free.height;
    let side = if is_column { free.height } else { free.width };
    let depth = if side > 0.0 { sum / side } else { 0.0 };
    let mut start = if is_column { free.y } else { free.x };
    for area in row {
        let length = if depth > 0.0 { area / depth } else { 0.0 };
        tiles.push(if is_column {
            Bounds {
                x: free.x,
                y: start,
                width: depth,
                height: length,
            }
        } else {
            Bounds {
                x: start,
                y: free.y,
                width: length,
                height: depth,
            }
        });
        start += length;
    }
    if is_column {
        Bounds {
            x: free.x + depth,
            width: (free.width - depth).max(0.0),
            ..free
        }
    } else {
        free.below(depth)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: Bounds = Bounds {
        x: 10.0,
        y: 20.0,
        width: 600.0,
        height: 400.0,
    };

    #[test]
    fn tiles_are_those_of_the_paper() {
        let bounds = Bounds {
            x: 0.0,
            y: 0.0,
            width: 6.0,
            height: 4.0,
        };
        let tiles = squarify(&[6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0], bounds);
        let first = [(0.0, 0.0, 3.0, 2.0), (0.0, 2.0, 3.0, 2.0)];
        for (tile, (x, y, width, height)) in tiles.iter().zip(first) {
            assert_eq!(
                *tile,
                Bounds {
                    x,
                    y,
                    width,
                    height
                }
            );
        }
        assert!((tiles[2].width - 12.0 / 7.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn tiles_fill_the_rectangle_by_weight(weights in prop::collection::vec(1_u32..1_000_000, 1..40)) {
            let mut weights: Vec<f64> = weights.into_iter().map(f64::from).collect();
            weights.sort_by(|a, b| b.total_cmp(a));
            let tiles = squarify(&weights, WHOLE);
            let total: f64 = weights.iter().sum();
            prop_assert_eq!(tiles.len(), weights.len());
            for (tile, weight) in tiles.iter().zip(&weights) {
                prop_assert!((tile.area() / WHOLE.area() - weight / total).abs() < 1e-6);
                prop_assert!(tile.x > WHOLE.x - 1e-6 && tile.x + tile.width < WHOLE.x + WHOLE.width + 1e-6);
                prop_assert!(tile.y > WHOLE.y - 1e-6 && tile.y + tile.height < WHOLE.y + WHOLE.height + 1e-6);
            }
            for (number, one) in tiles.iter().enumerate() {
                for other in &tiles[..number] {
                    let overlap = |a: f64, b: f64, c: f64, d: f64| (a + b).min(c + d) - a.max(c);
                    let across = overlap(one.x, one.width, other.x, other.width);
                    let down = overlap(one.y, one.height, other.y, other.height);
                    prop_assert!(across < 1e-6 || down < 1e-6);
                }
            }
        }
    }
}
