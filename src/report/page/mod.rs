//! The page of a report: one HTML file without scripts and without links to other files.
//!
//! The template escapes every text. Lists are cut so that the page stays below 1 MB.

mod content;
mod copies;
mod run;
mod scope;
mod section;
mod table;
#[cfg(test)]
mod tests;

use askama::Template;

use self::section::Section;
use super::data::{MatrixSubject, ReportData, ShortProject, VerdictState};
use super::picture::Shape;
use crate::base::error::{Error, Result};
use crate::base::escape::visible;
use crate::base::unit;

/// The first line of every report, by which a later one recognizes the file that it may replace.
pub const FIRST_LINE: &str = "<!doctype html><!-- auto-backup report -->";

/// The page.
#[derive(Debug, Template)]
#[template(path = "page.html")]
struct ReportPage<'a> {
    first_line: &'static str,
    data: &'a ReportData,
    title: String,
    heading: String,
    made: String,
    user: String,
    host: &'a str,
    tone: &'static str,
    worst: Option<&'a ShortProject>,
    figures: Vec<(&'static str, String)>,
    sections: Vec<Section>,
}

/// Returns the page as HTML.
pub fn render(data: &ReportData) -> Result<String> {
    let heading = match data.subject {
        MatrixSubject::Studio => "The whole studio".to_owned(),
        _ => data.scope.to_string(),
    };
    let sections = [
        copies::short(data),
        Some(copies::copies(data)),
        Some(copies::storages(data)),
        Some(copies::policies(data)),
        Some(content::sizes(data)),
        Some(content::growth(data)),
        Some(content::sequences(data)),
        Some(run::runs(data)),
        Some(run::failures(data)),
        run::histories(data),
    ];
    let page = ReportPage {
        first_line: FIRST_LINE,
        data,
        title: format!("{heading}: backup report"),
        heading,
        made: format!("{} UTC", data.made_at.minute()),
        user: visible(data.made_by.as_bytes()),
        host: &data.host,
        tone: match data.verdict.state {
            VerdictState::Met => "g",
            VerdictState::Short => "r",
            VerdictState::Unknown | VerdictState::Unjudged => "w",
        },
        worst: data.short.first(),
        figures: figures(data),
        sections: sections.into_iter().flatten().collect(),
    };
    page.render().map_err(|source| Error::Output {
        source: std::io::Error::other(source),
    })
}

/// Returns the numbers below the answer.
fn figures(data: &ReportData) -> Vec<(&'static str, String)> {
    let verdict = &data.verdict;
    let noun = |number: u64, one, several| if number == 1 { one } else { several };
    let mut figures = vec![
        (
            noun(data.projects, "project", "projects"),
            unit::format_count(data.projects),
        ),
        (
            noun(data.files, "file", "files"),
            unit::format_count(data.files),
        ),
        ("size of all files", unit::format_bytes(data.bytes)),
        (
            "size of all copies",
            unit::format_bytes(verdict.copied_bytes),
        ),
    ];
    if let [_, within, _] = verdict.verified.as_slice()
        && verdict.copied_bytes > 0
    {
        let percent = unit::format_percent(within.bytes, verdict.copied_bytes);
        figures.push(("of them proven within 90 days", percent));
    }
    figures
}
