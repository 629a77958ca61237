//! How wide the columns of a table are, and how wide they may be on a terminal.

use unicode_width::UnicodeWidthStr as _;

use super::cell::Cell;
use super::screen::Screen;

/// Each cell has a blank on both sides and a line beside it.
const FRAME: usize = 3;

/// No column is shortened to less.
const LEAST: usize = 12;

/// One column.
#[derive(Clone, Copy, Debug)]
struct Column {
    width: usize,
    /// What cannot be shortened needs this much.
    least: usize,
}

/// The widths that the columns of a table have on this screen; `None` where it does not fit.
pub(super) fn widths(headings: &[Cell], rows: &[Vec<Cell>], screen: Screen) -> Option<Vec<usize>> {
    let columns = headings.iter().enumerate().map(|(place, heading)| {
        let cells = rows.iter().filter_map(|row| row.get(place));
        Column::of(heading, cells, screen)
    });
    let room = screen.width.map_or(usize::MAX, usize::from);
    fit(columns.collect(), room)
}

impl Column {
    /// A column as its cells want it.
    fn of<'a>(heading: &Cell, cells: impl Iterator<Item = &'a Cell>, screen: Screen) -> Self {
        let heading = heading.shown(screen.terminal).width();
        let (mut width, mut least) = (heading, heading);
        for cell in cells {
            let own = cell.shown(screen.terminal).width();
            width = width.max(own);
            least = least.max(if cell.is_name() { own.min(LEAST) } else { own });
        }
        Self { width, least }
    }
}

/// Takes the surplus from the columns, always from the widest of those that can still give.
fn fit(mut columns: Vec<Column>, room: usize) -> Option<Vec<usize>> {
    let total = |columns: &[Column]| {
        let widths = columns.iter().map(|column| column.width + FRAME);
        widths.sum::<usize>() + 1
    };
    for _ in room..total(&columns) {
        let able = columns
            .iter_mut()
            .filter(|column| column.width > column.least);
        able.max_by_key(|column| column.width)?.width -= 1;
    }
    Some(columns.into_iter().map(|column| column.width).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(columns: &[(usize, usize)], room: usize) -> Option<Vec<usize>> {
        let columns = columns
            .iter()
            .map(|&(width, least)| Column { width, least });
        fit(columns.collect(), room)
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
            terminal: true,
            width: Some(width),
            ..Screen::default()
        };
        assert_eq!(widths(&headings, &rows, screen(60)), Some(vec![23, 30]));
        assert_eq!(widths(&headings, &rows, screen(48)), None);
        // Where there is no terminal everything fits.
        let anywhere = widths(&headings, &rows, Screen::default());
        assert_eq!(anywhere, Some(vec![30, 30]));
    }
}
