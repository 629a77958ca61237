//! A terminal's rows as a picture, in SVG.

use std::fmt::Write as _;

use vt100::Color;

use super::text::{CellStyle, TourLine};

/// Width and height of a character, and the size of its font, in pixels.
const WIDTH: f64 = 8.43;
const HEIGHT: f64 = 17.0;
const FONT: u8 = 14;

/// Space around the text; above it is the bar of the window.
const MARGIN: f64 = 16.0;
const BAR: f64 = 30.0;

/// Fonts in order of preference; all of their characters have about the same width.
const FONTS: &str =
    "'DejaVu Sans Mono', 'Menlo', 'SF Mono', 'Consolas', 'Liberation Mono', monospace";

const BACKGROUND: &str = "#1b1f27";
const FOREGROUND: &str = "#d7dce2";

/// The colors 0 to 8 of the terminal.
const COLORS: [&str; 9] = [
    "#3b4252", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#d7dce2",
    "#8b949e",
];

/// Draws these rows as a terminal with this number of columns.
pub(super) fn svg(
    rows: &[TourLine],
    columns: u16,
    (cursor_row, cursor_column): (u16, u16),
    (title, description): (&str, &str),
) -> String {
    let width = f64::from(columns) * WIDTH + 2.0 * MARGIN;
    let height = place(rows.len()) + MARGIN - HEIGHT / 2.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-labelledby=\"title desc\">\n\
         <title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n",
        escaped(title),
        escaped(description)
    );
    for number in 0..3 {
        let x = MARGIN + 5.0 + f64::from(number) * 18.0;
        writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"17\" r=\"5\" fill=\"{}\"/>",
            COLORS[0]
        )
        .unwrap();
    }
    let (x, y) = (
        column(cursor_column.into()),
        place(cursor_row.into()) - HEIGHT * 0.77,
    );
    writeln!(
        svg,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"{FOREGROUND}\" opacity=\"0.45\"/>\n\
         <g font-family=\"{FONTS}\" font-size=\"{FONT}\" fill=\"{FOREGROUND}\">"
    )
    .unwrap();
    for (number, row) in rows.iter().enumerate() {
        draw(row, place(number), &mut svg);
    }
    svg + "</g>\n</svg>\n"
}

/// Returns the baseline of a row.
fn place(row: usize) -> f64 {
    BAR + MARGIN + f64::from(u16::try_from(row).unwrap()) * HEIGHT
}

/// Returns the left edge of a column.
fn column(number: usize) -> f64 {
    MARGIN + f64::from(u16::try_from(number).unwrap()) * WIDTH
}

/// Draws each word of a row at its own column: browsers collapse the blanks between words and stretch the rest.
fn draw(row: &TourLine, y: f64, svg: &mut String) {
    let mut start = 0;
    for word in row
        .cells
        .chunk_by(|one, other| one.1 == other.1 && (one.0 == ' ') == (other.0 == ' '))
    {
        let text: String = word.iter().map(|(character, _)| character).collect();
        if text.trim().is_empty() {
            start += word.len();
            continue;
        }
        let (x, length) = (column(start), column(word.len()) - MARGIN);
        writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y:.0}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\"{}>{}</text>",
            attributes(word[0].1),
            escaped(&text)
        )
        .unwrap();
        start += word.len();
    }
}

fn attributes(look: CellStyle) -> String {
    assert!(!look.inverse, "the picture has no inverse text");
    let mut text = String::new();
    match look.color {
        Color::Default => {}
        Color::Idx(index) => write!(text, " fill=\"{}\"", COLORS[usize::from(index)]).unwrap(),
        Color::Rgb(..) => panic!("a colour of its own"),
    }
    for (is_so, attribute) in [
        (look.bold, " font-weight=\"bold\""),
        (look.dim, " opacity=\"0.65\""),
        (look.underline, " text-decoration=\"underline\""),
    ] {
        text += if is_so { attribute } else { "" };
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
