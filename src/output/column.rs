//! Widths of table columns on a terminal.

use unicode_width::UnicodeWidthStr as _;

use super::cell::{Cell, FORMS};
use super::page::{Borders, TableBlock};
use super::screen::Screen;

/// Minimum width of a shortened column.
const MIN_NAME_WIDTH: usize = 12;

/// Width to which a name may be shortened for each form, while shorter forms of other cells remain.
const READABLE_NAME_WIDTHS: [usize; FORMS] = [40, 24, 18, 18];

/// Form and widths of the columns of a table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TableLayout {
    /// Form of the elastic cells.
    pub(super) form: usize,
    /// Width of each column; 0 if it is left out.
    pub(super) widths: Vec<usize>,
}

/// One column of a table.
#[derive(Clone, Copy, Debug)]
struct Column {
    width: usize,
    /// Width of the widest text that cannot be shortened.
    min_width: usize,
}

/// Returns the layout of a table on this screen, or `None` if it does not fit. Cells keep their longest form that fits; names
/// are shortened to a readable length before the cells beside them, and further only after them.
pub(super) fn table_layout(table: &TableBlock, screen: Screen) -> Option<TableLayout> {
    let room = screen.width.map_or(usize::MAX, usize::from);
    let forms = if is_elastic(table) { FORMS } else { 1 };
    let layout_without = |name_width, form, hidden: usize| {
        let columns = table.headings.iter().enumerate().map(|(place, heading)| {
            if table
                .hidden_from
                .get(place)
                .is_some_and(|first| *first <= hidden)
            {
                return Column::HIDDEN;
            }
            let cells = table.rows.iter().filter_map(|row| row.get(place));
            Column::measure([heading].into_iter().chain(cells), form, name_width, screen)
        });
        let widths = shrink_to_fit(columns.collect(), room, overhead(table.borders, form))?;
        Some(TableLayout { form, widths })
    };
    // A column is left out only if the table does not fit with it and with whole names.
    let layout = |name_width, form: usize| {
        layout_without(usize::MAX, form, form.saturating_sub(1))
            .or_else(|| layout_without(name_width, form, form))
    };
    let readable = (0..forms).find_map(|form| layout(READABLE_NAME_WIDTHS[form], form));
    readable.or_else(|| (0..forms).find_map(|form| layout(MIN_NAME_WIDTH, form)))
}

/// Columns that a cell takes beside its text: blanks and, with borders, one of them.
pub(super) const fn overhead(borders: Borders, form: usize) -> usize {
    match borders {
        Borders::Boxed => 3,
        Borders::Open if form + 1 == FORMS => 1,
        Borders::Open => 2,
    }
}

/// True if some cells have several forms, or columns may be left out.
pub(super) fn is_elastic(table: &TableBlock) -> bool {
    if !table.hidden_from.is_empty() {
        return true;
    }
    let mut cells = table.headings.iter().chain(table.rows.iter().flatten());
    cells.any(|cell| matches!(cell, Cell::Elastic(..)))
}

impl Column {
    /// A column that is left out.
    const HIDDEN: Self = Self {
        width: 0,
        min_width: 0,
    };

    /// Measures the heading and cells of a column.
    fn measure<'a>(
        cells: impl Iterator<Item = &'a Cell>,
        form: usize,
        name_width: usize,
        screen: Screen,
    ) -> Self {
        let (mut width, mut min_width) = (0, 0);
        for cell in cells {
            let cell_width = cell.to_display_form(form, screen.is_terminal).width();
            width = width.max(cell_width);
            min_width = min_width.max(if cell.is_name() {
                cell_width.min(name_width)
            } else {
                cell_width
            });
        }
        Self { width, min_width }
    }
}

/// Narrows the widest column that can still shrink until the table fits.
fn shrink_to_fit(mut columns: Vec<Column>, room: usize, overhead: usize) -> Option<Vec<usize>> {
    let total = |columns: &[Column]| {
        let shown = columns.iter().filter(|column| column.width > 0);
        let widths = shown.map(|column| column.width + overhead);
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
    use crate::output::cell::Tone;

    fn fitted(columns: &[(usize, usize)], room: usize) -> Option<Vec<usize>> {
        let columns = columns.iter().map(|&(width, least)| Column {
            width,
            min_width: least,
        });
        shrink_to_fit(columns.collect(), room, 3)
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
        let table = TableBlock {
            headings: vec![Cell::text("root"), Cell::text("reason")],
            rows: rows.to_vec(),
            ..TableBlock::default()
        };
        let widths = |screen| Some(table_layout(&table, screen)?.widths);
        assert_eq!(widths(screen(60)), Some(vec![23, 30]));
        assert_eq!(widths(screen(48)), None);
        // Without a terminal every table fits.
        assert_eq!(widths(Screen::default()), Some(vec![30, 30]));
    }

    fn screen(width: u16) -> Screen {
        Screen {
            is_terminal: true,
            width: Some(width),
            ..Screen::default()
        }
    }

    #[test]
    fn cells_take_the_longest_form_that_fits() {
        let forms = ["whole, 15 files, 6.50 GB", "15 f 6.5 GB =", "6.5 GB =", "="];
        let cell = Cell::Elastic(forms.map(str::to_owned), Tone::Good);
        let name = Cell::from("a project with quite a long name");
        let table = TableBlock {
            headings: ["project", "size", "WORK", "NAS"].map(Cell::text).to_vec(),
            rows: vec![vec![name, Cell::Empty, cell.clone(), cell]],
            borders: Borders::Open,
            hidden_from: vec![usize::MAX, 3],
            narrow: None,
            legend: None,
        };
        let layout =
            |width| table_layout(&table, screen(width)).map(|layout| (layout.form, layout.widths));
        assert_eq!(layout(120), Some((0, vec![32, 4, 24, 24])));
        assert_eq!(layout(80), Some((1, vec![32, 4, 13, 13])));
        assert_eq!(layout(60), Some((2, vec![31, 4, 8, 8])));
        assert_eq!(layout(50), Some((2, vec![21, 4, 8, 8])));
        // The last form leaves the column out.
        assert_eq!(layout(40), Some((3, vec![29, 0, 4, 3])));
        assert_eq!(layout(20), None);
    }

    #[test]
    fn column_beside_whole_names_stays() {
        let cell = Cell::Elastic(["", "", "a long cell", "="].map(str::to_owned), Tone::Good);
        let table = TableBlock {
            headings: ["project", "size", "WORK", "NAS"].map(Cell::text).to_vec(),
            rows: vec![vec![
                Cell::from("acme/spot"),
                Cell::Empty,
                cell.clone(),
                cell,
            ]],
            borders: Borders::Open,
            hidden_from: vec![usize::MAX, 3],
            ..TableBlock::default()
        };
        let widths = |width| Some(table_layout(&table, screen(width))?.widths);
        assert_eq!(widths(25), Some(vec![9, 4, 4, 3]));
        assert_eq!(widths(24), Some(vec![9, 0, 4, 3]));
    }
}
