//! The results as a table, on standard output and in docs/performance.md.

use std::fmt::Write as _;
use std::fs;

use auto_backup::base::error::IoResultExt as _;

use super::outcome::Outcome;
use super::row::Row;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");

const HEADINGS: [&str; 8] = [
    "what",
    "auto-backup",
    "against",
    "takes",
    "ratio",
    "asked for",
    "peak memory",
    "",
];

/// The place of the results in the page. It is found before the benchmark, so that a missing marker does not waste
/// hours.
#[derive(Debug)]
pub(crate) struct Page {
    /// The page up to the results, with their first marker.
    before: String,
    /// The rest of the page, from the last marker.
    after: String,
}

impl Page {
    pub(crate) fn read(measuring: &str) -> Outcome<Self> {
        let page = fs::read_to_string(PAGE).at("read", PAGE)?;
        let [begin, end] =
            ["begin", "end"].map(|place| format!("<!-- {measuring} measured: {place} -->"));
        let parts = page.split_once(&begin).and_then(|(before, rest)| {
            let (_, after) = rest.split_once(&end)?;
            Some((before, after))
        });
        let (before, after) = parts.ok_or("docs/performance.md lacks the markers of results")?;
        Ok(Self {
            before: format!("{before}{begin}"),
            after: format!("{end}{after}"),
        })
    }

    /// Replaces the previous results.
    pub(crate) fn write(&self, results: &str) -> Outcome<()> {
        let (before, after) = (&self.before, &self.after);
        let page = format!("{before}\n\n{results}\n{after}");
        Ok(fs::write(PAGE, page).at("write", PAGE)?)
    }
}

/// Returns machine, command line and table. The column of targets is left out if no row has one.
pub(crate) fn results(
    rows: &[Row],
    machine: &str,
    command: &str,
    is_asked: bool,
) -> Result<String, std::fmt::Error> {
    let mut text = format!("{machine}\n```sh\n{command}\n```\n\n");
    let asked = |text| if is_asked { text } else { "" };
    line(&mut text, HEADINGS)?;
    line(&mut text, ["---"; HEADINGS.len()])?;
    for row in rows {
        line(
            &mut text,
            [
                &row.what,
                &row.ours,
                &row.against,
                &row.takes,
                &row.ratio,
                asked(&row.asked),
                &row.peak,
                asked(&row.verdict),
            ],
        )?;
    }
    Ok(text)
}

fn line<T: AsRef<str>>(
    text: &mut String,
    cells: [T; HEADINGS.len()],
) -> Result<(), std::fmt::Error> {
    for cell in cells {
        write!(text, "| {} ", cell.as_ref())?;
    }
    writeln!(text, "|")
}
