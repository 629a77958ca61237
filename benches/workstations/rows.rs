//! The rows of real files in order, with their targets.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use auto_backup::base::error::IoResultExt as _;

use crate::bound::{self, Bound};
use crate::change::change;
use crate::commands::{Workstation, one_after_the_other};
use crate::common::measure::measure;
use crate::common::options::Options;
use crate::common::outcome::Outcome;
use crate::common::row::{Row, verdict};
use crate::common::spread::Spread;
use crate::contest::{Before, Contest, Results, Run};
use crate::server::Server;
use crate::studio::{CATEGORIES, DATABASES, Studio};
use crate::truth;

const NOTHING: Before<'static> = &|_| Ok(());

/// Target for what the server stores, in bytes per file.
const BYTES_A_FILE: f64 = 35.0;

/// Target for the time that a question takes longer with a catalog.
const ROUND_TRIP: Duration = Duration::from_millis(10);

/// Target for the time that a scan takes longer because it writes the published index.
const PUBLICATION: Duration = Duration::from_secs(1);

/// The places of this benchmark.
struct Places<'a> {
    studio: &'a Studio,
    /// The workstation that scans, without a catalog.
    scanning: Workstation,
    /// The workstation that asks, without a catalog.
    asking: Workstation,
    address: String,
    runs: u64,
}

/// Measures the storages below `at`.
pub(crate) fn all(at: &Path, server: &Server, options: &Options) -> Outcome<Vec<Row>> {
    writeln!(io::stderr(), "making two storages")?;
    let studio = Studio::new(at, usize::try_from(options.files)?)?;
    studio.fill()?;
    let storages: Vec<(&str, PathBuf)> = DATABASES.into_iter().zip(studio.roots()).collect();
    let workstation = |name| Workstation::new(studio.path(name), &storages, &CATEGORIES);
    let places = Places {
        scanning: workstation("scanning.sqlite"),
        asking: workstation("asking.sqlite"),
        address: server.create_database("studio")?,
        studio: &studio,
        runs: options.runs,
    };
    let mut rows = places.catalog_rows()?;
    truth::check(
        (server, "studio"),
        [&places.scanning, &places.asking],
        &studio.roots(),
    )?;
    rows.push(server_bytes(server, options.files)?);
    rows.extend(places.publication_rows()?);
    studio.remove()?;
    Ok(rows)
}

impl Places<'_> {
    fn catalog_rows(&self) -> Outcome<Vec<Row>> {
        let scanning = self.scanning.at_catalog(&self.address);
        let asking = self.asking.at_catalog(&self.address);
        measure(&scanning.command("load")?)?;
        let mut rows = self.contest(
            "first `fetch all`, which pulls all",
            &|_| self.asking.forget(),
            (asking.command("fetch all")?, None),
            Bound::Time(Duration::from_secs(2)),
        )?;
        let unconnected = self.asking.command("fetch all")?;
        let contest = Contest {
            title: "`fetch all` with a catalog, nothing new",
            before: NOTHING,
            ours: asking.command("fetch all")?,
            peers: vec![("without a catalog", Some(unconnected))],
        };
        rows.extend(longer(&contest, &contest.run(self.runs)?, ROUND_TRIP));
        let both = one_after_the_other(&scanning.command("load")?, &asking.command("fetch all")?);
        rows.extend(self.contest(
            "`load` after 1 % changed, then `fetch all` elsewhere",
            &|round| self.change(round),
            (both, None),
            Bound::Time(Duration::from_secs(2)),
        )?);
        Ok(rows)
    }

    fn publication_rows(&self) -> Outcome<Vec<Row>> {
        let publishing = self.scanning.with("set publish on");
        let remove_published = |_| self.remove_published();
        let contest = Contest {
            title: "`load` that writes the published indexes",
            before: &remove_published,
            ours: publishing.command("load")?,
            peers: vec![("without", Some(self.scanning.command("load")?))],
        };
        let mut rows = longer(&contest, &contest.run(self.runs)?, PUBLICATION);
        measure(&publishing.command("load")?)?;
        rows.extend(self.contest(
            "`load --published` into a new index",
            &|_| self.asking.forget(),
            (self.asking.command("load --published")?, None),
            Bound::Time(Duration::from_secs(1)),
        )?);
        Ok(rows)
    }

    fn contest(
        &self,
        title: &str,
        before: Before<'_>,
        (ours, peer): (Vec<OsString>, Option<(&str, Vec<OsString>)>),
        bound: Bound,
    ) -> Outcome<Vec<Row>> {
        let peers = peer.into_iter().map(|(name, line)| (name, Some(line)));
        let contest = Contest {
            title,
            before,
            ours,
            peers: peers.collect(),
        };
        Ok(contest.rows(&contest.run(self.runs)?, wall, bound))
    }

    fn change(&self, round: u64) -> Outcome<()> {
        let mut roots = self.studio.roots().into_iter();
        roots.try_for_each(|root| change(&root, round))
    }

    /// Removes the published indexes, so that the next scan writes them whole.
    fn remove_published(&self) -> Outcome<()> {
        for root in self.studio.roots() {
            let path = root.join(".auto-backup/index.sqlite");
            match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.at("remove", path)?,
            }
        }
        Ok(())
    }
}

/// Returns the row of a command that may take longer than its peer by a limit.
fn longer(contest: &Contest<'_>, results: &Results, limit: Duration) -> Vec<Row> {
    let peer = Spread::of(results.peers.iter().flatten().map(wall));
    let ours = Spread::of(results.ours.iter().map(wall));
    let rows = contest.rows(results, wall, Bound::None);
    rows.into_iter()
        .map(|row| Row {
            asked: format!("+ {} ms", limit.as_millis()),
            verdict: verdict(
                ours.zip(peer)
                    .map(|(ours, peer)| ours.median.saturating_sub(peer.median) <= limit),
            ),
            ..row
        })
        .collect()
}

/// Returns what the server stores for each file.
fn server_bytes(server: &Server, files: u64) -> Outcome<Row> {
    server.query("studio", "VACUUM FULL")?;
    let sql = "SELECT sum(pg_total_relation_size(oid)) FROM pg_class
               WHERE relkind = 'r' AND relnamespace = 'auto_backup'::regnamespace";
    let bytes: f64 = server.query("studio", sql)?.parse()?;
    let files: f64 = files.to_string().parse()?;
    Ok(bound::size("server", bytes / files, BYTES_A_FILE))
}

const fn wall((sample, _): &Run) -> Duration {
    sample.wall
}
