//! How wide the columns of a table are, and how wide they may be on a terminal.

use unicode_width::UnicodeWidthStr as _;

use super::cell::Cell;
use super::screen::Screen;

/// Each cell has a blank on both sides and a line beside it.
const CELL_OVERHEAD: usize = 3;

/// No column is shortened to less.
const MIN_NAME_WIDTH: usize = 12;

/// One column.
#[derive(Clone, Copy, Debug)]
struct Column {
    width: usize,
    /// What cannot be shortened needs this much.
    min_width: usize,
}

/// The widths that the columns of a table have on this screen; `None` where it does not fit.
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
    /// A column as its cells want it.
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

/// Takes the surplus from the columns, always from the widest of those that can still give.
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
    fn the_widest_gives_first_and_none_more_than_it_can() {
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
    fn only_names_can_give() {
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
        // Where there is no terminal everything fits.
        let anywhere = column_widths(&headings, &rows, Screen::default());
        assert_eq!(anywhere, Some(vec![30, 30]));
    }
}
