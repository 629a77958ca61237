//! Widths of table columns on a terminal.

use unicode_width::UnicodeWidthStr as _;

use super::cell::Cell;
use super::screen::Screen;

/// Columns that a cell takes beside its text: a blank on both sides and one border.
const CELL_OVERHEAD: usize = 3;

/// Minimum width of a shortened column.
const MIN_NAME_WIDTH: usize = 12;

/// One column of a table.
#[derive(Clone, Copy, Debug)]
struct Column {
    width: usize,
    /// Width of the widest text that cannot be shortened.
    min_width: usize,
}

/// Returns the column widths on this screen, or `None` if the table does not fit.
pub(super) fn column_widths(
    headings: &[Cell],
    rows: &[Vec<Cell>],
    screen: Screen,
) -> Option<Vec<usize>> {
    let columns = headings.iter().enumerate().map(|(column, heading)| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        Column::measure(heading, cells, screen)
    });
    let room = screen.width.map_or(usize::MAX, usize::from);
    shrink_to_fit(columns.collect(), room)
}

impl Column {
    /// Measures the heading and cells of a column.
    fn measure<'a>(heading: &Cell, cells: impl Iterator<Item = &'a Cell>, screen: Screen) -> Self {
        let heading = heading.to_display(screen.is_terminal).width();
        let (mut width, mut min_width) = (heading, heading);
        for cell in cells {
            let cell_width = cell.to_display(screen.is_terminal).width();
            width = width.max(cell_width);
            min_width = min_width.max(if cell.is_name() {
                cell_width.min(MIN_NAME_WIDTH)
            } else {
                cell_width
            });
        }
        Self { width, min_width }
    }
}

/// Narrows the widest column that can still shrink until the table fits.
fn shrink_to_fit(mut columns: Vec<Column>, room: usize) -> Option<Vec<usize>> {
    let total = |columns: &[Column]| {
        let widths = columns.iter().map(|column| column.width + CELL_OVERHEAD);
        widths.sum::<usize>() + 1
    };
    for _ in room..total(&columns) {
        let shrinkable = columns
            .iter_mut()
            .filter(|column| column.width > column.min_width);
        shrinkable.max_by_key(|column| column.width)?.width -= 1;
    }
    Some(columns.into_iter().map(|column| column.width).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(columns: &[(usize, usize)], room: usize) -> Option<Vec<usize>> {
        let columns = columns.iter().map(|&(width, least)| Column {
            width,
            min_width: least,
        });
        shrink_to_fit(columns.collect(), room)
    }

    #[test]
    fn widest_column_shrinks_first() {
        assert_eq!(fitted(&[(4, 4), (10, 5)], 21), Some(vec![4, 10]));
        assert_eq!(fitted(&[(4, 4), (10, 5)], 20), Some(vec![4, 9]));
        assert_eq!(
            fitted(&[(30, 12), (20, 12), (8, 8)], 60),
            Some(vec![22, 20, 8])
        );
        assert_eq!(
            fitted(&[(30, 12), (20, 12), (8, 8)], 42),
            Some(vec![12, 12, 8])
        );
        assert_eq!(fitted(&[(30, 12), (20, 12), (8, 8)], 41), None);
    }

    #[test]
    fn only_names_are_shortened() {
        let long = "x".repeat(30);
        let rows = [vec![Cell::from(long.as_str()), Cell::text(long.clone())]];
        let headings = [Cell::text("root"), Cell::text("reason")];
        let screen = |width| Screen {
            is_terminal: true,
            width: Some(width),
            ..Screen::default()
        };
        assert_eq!(
            column_widths(&headings, &rows, screen(60)),
            Some(vec![23, 30])
        );
        assert_eq!(column_widths(&headings, &rows, screen(48)), None);
        // Without a terminal every table fits.
        let anywhere = column_widths(&headings, &rows, Screen::default());
        assert_eq!(anywhere, Some(vec![30, 30]));
    }
}
