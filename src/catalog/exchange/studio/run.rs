//! Runs: each is of one workstation, which alone writes it.

use postgres::{Row, Transaction};

use super::column::{read, storable, stored};
use super::statement::{DISCARD_RUNS, READ_RUNS, TRIM_RUNS, WRITE_RUNS};
use super::transfer::{StudioPull, StudioPush, damaged, leave_out};
use crate::catalog::exchange::failure::ExchangeFailure;
use crate::index::{HostId, IncomingStudio, KEPT_RUNS, Run, RunId, RunState, SharedRun};
use crate::language::lexer::lex;

/// The state in the catalog of a run that left no trace.
const DISCARDED: &str = "discarded";

/// Commands whose subject begins with a project.
const PROJECT_COMMANDS: [&str; 7] = [
    "copy", "free", "heal", "offload", "restore", "sync", "verify",
];

/// Returns the client that a run is about; `None` if it is about the whole studio, or about more than one project.
fn client_of(run: &Run) -> Option<Vec<u8>> {
    let subject = run.subject.as_deref()?;
    if !PROJECT_COMMANDS.contains(&&*run.command) {
        return None;
    }
    let words = lex(subject).ok()?;
    let project = words.first()?.text.to_str()?;
    let (client, project) = project.split_once('/')?;
    let is_project = !client.is_empty() && !project.is_empty() && !project.contains('/');
    is_project.then(|| client.as_bytes().to_vec())
}

impl StudioPull<'_> {
    pub(super) fn read_runs(
        &self,
        transaction: &mut Transaction<'_>,
        incoming: &mut IncomingStudio,
        left_out: &mut Vec<String>,
    ) -> Result<(), ExchangeFailure> {
        for row in &transaction.query(READ_RUNS, &[&self.known_revision])? {
            leave_out(self.take_run(row, incoming), left_out)?;
        }
        Ok(())
    }

    fn take_run(&self, row: &Row, incoming: &mut IncomingStudio) -> Result<(), ExchangeFailure> {
        let Some(host) = self.owner(row.get(0))? else {
            return Ok(());
        };
        if row.get::<_, &str>(6) == DISCARDED {
            incoming.discarded_runs.push((host, RunId(row.get(1))));
        } else {
            incoming.runs.push(self.read_run(row, host)?);
        }
        Ok(())
    }

    fn read_run(&self, row: &Row, host: HostId) -> Result<SharedRun, ExchangeFailure> {
        let state = RunState::parse(row.get(6));
        let number = |column| read(row.get(column));
        Ok(SharedRun {
            host,
            run: Run {
                id: RunId(row.get(1)),
                command: row.get(2),
                subject: Some(row.get(3)).filter(|subject: &String| !subject.is_empty()),
                source: row.get(4),
                destination: row.get(5),
                started: self.clock.past_time(row.get(7)),
                ended: row
                    .get::<_, Option<i64>>(8)
                    .map(|at| self.clock.past_time(at)),
                files: number(9),
                bytes: number(10),
                failed: number(11),
                conflicts: number(12),
                refused: number(13),
                state: state.ok_or_else(|| damaged("the state of a run"))?,
            },
        })
    }
}

impl StudioPush<'_> {
    pub(super) fn write_runs(
        &self,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), ExchangeFailure> {
        if !self.unshared.runs.is_empty() {
            self.write_changed_runs(transaction, &self.unshared.runs)?;
            transaction.execute(TRIM_RUNS, &[&self.own, &KEPT_RUNS])?;
        }
        let discarded: Vec<i64> = self
            .unshared
            .discarded_runs
            .iter()
            .map(|run| run.0)
            .collect();
        if !discarded.is_empty() {
            let values: [&(dyn postgres::types::ToSql + Sync); 4] =
                [&self.own, &discarded, &DISCARDED, &self.revision];
            transaction.execute(DISCARD_RUNS, &values)?;
        }
        Ok(())
    }

    fn write_changed_runs(
        &self,
        transaction: &mut Transaction<'_>,
        runs: &[Run],
    ) -> Result<(), ExchangeFailure> {
        fn column<T>(runs: &[Run], value: impl Fn(&Run) -> T) -> Vec<T> {
            runs.iter().map(value).collect()
        }
        let optional = |text: &Option<String>| text.as_deref().map(storable);
        let started = column(runs, |run| self.clock.past_seconds(run.started));
        let ended = column(runs, |run| run.ended.map(|at| self.clock.past_seconds(at)));
        transaction.execute(
            WRITE_RUNS,
            &[
                &self.own,
                &column(runs, |run| run.id.0),
                &column(runs, client_of),
                &column(runs, |run| storable(&run.command)),
                &column(runs, |run| optional(&run.subject).unwrap_or_default()),
                &column(runs, |run| optional(&run.source)),
                &column(runs, |run| optional(&run.destination)),
                &column(runs, |run| run.state.as_str()),
                &started,
                &ended,
                &column(runs, |run| stored(run.files)),
                &column(runs, |run| stored(run.bytes)),
                &column(runs, |run| stored(run.failed)),
                &column(runs, |run| stored(run.conflicts)),
                &column(runs, |run| stored(run.refused)),
                &self.revision,
            ],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::timestamp::Timestamp;

    #[test]
    fn only_run_about_one_project_has_client() {
        for (command, subject, client) in [
            ("copy", "acme/spot footage", Some("acme")),
            ("verify", "'Ac me/spot'", Some("Ac me")),
            ("copy", "acme footage", None),
            ("copy", "12 projects footage", None),
            ("free", "--to-win 4T on NAS", None),
            ("offload", "acme/spot footage", Some("acme")),
            ("load", "acme/spot", None),
        ] {
            let run = Run {
                id: RunId(1),
                command: command.to_owned(),
                subject: Some(subject.to_owned()),
                source: None,
                destination: None,
                started: Timestamp::default(),
                ended: None,
                files: 0,
                bytes: 0,
                failed: 0,
                conflicts: 0,
                refused: 0,
                state: RunState::Complete,
            };
            let expected = client.map(|client| client.as_bytes().to_vec());
            assert_eq!(client_of(&run), expected, "{command} {subject}");
        }
    }
}
