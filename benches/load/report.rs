//! The results as a table, on standard output and in docs/performance.md.

use std::fmt::Write as _;
use std::fs;

use auto_backup::error::At as _;

use crate::outcome::Outcome;
use crate::row::Row;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");
const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";

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

/// With so many files something is asked for; fewer tell nothing of that.
const ASKED_WITH: usize = 1_000_000;

/// Where the results stand in the page; found before anything is measured, so that hours are not lost for a marker.
#[derive(Debug)]
pub(crate) struct Page {
    before: String,
    after: String,
}

impl Page {
    pub(crate) fn read() -> Outcome<Self> {
        let page = fs::read_to_string(PAGE).at("read", PAGE)?;
        let parts = page.split_once(BEGIN).and_then(|(before, rest)| {
            let (_, after) = rest.split_once(END)?;
            Some((before, after))
        });
        let (before, after) = parts.ok_or("docs/performance.md lacks the markers of results")?;
        Ok(Self {
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    /// Puts these results in the place of those before.
    pub(crate) fn write(&self, results: &str) -> Outcome<()> {
        let (before, after) = (&self.before, &self.after);
        let page = format!("{before}{BEGIN}\n\n{results}\n{END}{after}");
        Ok(fs::write(PAGE, page).at("write", PAGE)?)
    }
}

/// What was measured on what, and by which command line.
pub(crate) fn results(
    rows: &[Row],
    machine: &str,
    command: &str,
    files: usize,
) -> Result<String, std::fmt::Error> {
    let mut text = format!("{machine}\n```sh\n{command}\n```\n\n");
    let asked = |text| if files < ASKED_WITH { "" } else { text };
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
