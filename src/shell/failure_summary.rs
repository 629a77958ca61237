//! Summary of failed lines at the end of a script.

use super::statement::Statement;
use crate::base::exit_status::ExitStatus;
use crate::base::unit;

/// Outcomes of the lines of a script.
#[derive(Debug, Default)]
pub struct FailureSummary {
    commands: u64,
    failed: Vec<LineLocation>,
    partial: Vec<LineLocation>,
}

/// Source and number of a line.
type LineLocation = (String, usize);

impl FailureSummary {
    pub(super) fn record(&mut self, statement: &Statement, status: ExitStatus) {
        self.commands += 1;
        let list = match status {
            ExitStatus::Partial => &mut self.partial,
            status if status.stops_script() && !status.is_cancellation() => &mut self.failed,
            _ => return,
        };
        list.push((statement.origin.clone(), statement.number));
    }

    /// Counts the commands of the start-up file no longer; their failures stay.
    pub const fn restart_count(&mut self) {
        self.commands = 0;
    }

    /// Returns the summary and the exit status of a check that ended with a status.
    pub fn check_result(&self, worst: ExitStatus) -> (String, ExitStatus) {
        let commands = unit::format_counted(self.commands, "command");
        if worst.is_cancellation() {
            return (format!("checked {commands}, then stopped"), worst);
        }
        if self.failed.is_empty() && worst == ExitStatus::Done {
            return (format!("checked {commands}: no mistake found"), worst);
        }
        let number = unit::format_count(self.failed.len() as u64);
        let places = format_locations(&self.failed);
        let summary = format!("checked {commands}, {number} with mistakes: {places}");
        (summary, ExitStatus::Usage)
    }

    /// Returns the summary, or `None` if the script stopped at its only failed line, which was just reported.
    pub fn message(&self, keep_going: bool) -> Option<String> {
        let goes_on = keep_going || !self.partial.is_empty();
        if !goes_on || self.commands < 2 || self.failed.len() + self.partial.len() == 0 {
            return None;
        }
        let of = unit::format_counted(self.commands, "command");
        let part = |list: &[LineLocation], what: &str| {
            let number = unit::format_count(list.len() as u64);
            (!list.is_empty())
                .then(|| format!("{number} of {of} {what}: {}", format_locations(list)))
        };
        let parts = [
            part(&self.failed, "failed"),
            part(&self.partial, "completed in part"),
        ];
        Some(parts.into_iter().flatten().collect::<Vec<_>>().join("\n"))
    }
}

/// `nightly.ab:4, 7, studio.ab:2`.
fn format_locations(list: &[LineLocation]) -> String {
    let mut before = "";
    let shown = list.iter().map(|(origin, number)| {
        let is_same = std::mem::replace(&mut before, origin) == origin;
        if is_same {
            number.to_string()
        } else {
            format!("{origin}:{number}")
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}
