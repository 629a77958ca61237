//! A copy from beginning to end: which replicas, looking at the source, and one lane for each destination.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::catalogue::with_holders;
use crate::consent::Consent;
use crate::error::{At as _, Error, Result};
use crate::exclusions::Exclusions;
use crate::index::Index;
use crate::interrupt;
use crate::lane::{Bounds, Errand, Lane, News, Replica};
use crate::monitor::{Event, Meter, Monitor};
use crate::noting::Noting;
use crate::outcome::Outcome;
use crate::plan::Rules;
use crate::project::{ProjectId, Scope, below};
use crate::registry::{Category, Database, Registry};
use crate::report::Report;
use crate::sides::Side;

/// How often what the lanes count is shown.
const STEP: Duration = Duration::from_millis(50);

/// How long a lane may take to end after a stop; a dead storage may hold it for hours.
const GRACE: Duration = Duration::from_millis(800);

/// What is to be copied.
#[derive(Debug)]
pub struct Request<'a> {
    /// Which projects.
    pub scope: Scope,
    /// Which categories.
    pub categories: Vec<&'a Category>,
    /// The database they are on.
    pub source: &'a Database,
    /// The databases they go to.
    pub destinations: Vec<&'a Database>,
    /// How differing files are handled.
    pub rules: Rules,
    /// Whether copies are read back.
    pub verify: bool,
    /// Only plan.
    pub dry_run: bool,
    /// Who is asked before files are replaced. Where there is nobody the rules alone say what is done.
    pub consent: Consent,
}

/// Copies, or plans to. Replicas and files that fail are in the report; the rest is copied all the same.
///
/// # Errors
/// Nothing could be begun: the source or all destinations are offline, locked or full, the project is not there, the
/// index cannot be written.
pub fn copy(
    index: &mut Index,
    registry: &Registry,
    request: &Request<'_>,
    run: i64,
    monitor: &dyn Monitor,
) -> Result<Report> {
    let start = Instant::now();
    let mut report = Report::default();
    let source = Side::open(index, request.source)?;
    let meant = replicas(&source, registry, request, &mut report).or_else(|error| {
        let (categories, scope) = (&request.categories, &request.scope);
        Err(with_holders(error, index, registry, categories, scope)?)
    })?;
    monitor.event(&Event::Started {
        task: "comparing",
        files: None,
        bytes: None,
    });
    let exclusions = Arc::new(Exclusions::new(registry.exclusion_rules())?);
    let mut errand = Errand {
        registry: registry.clone(),
        scope: request.scope.clone(),
        exclusions,
        source: Arc::new(source),
        replicas: Vec::new(),
        rules: request.rules,
        verify: request.verify,
        dry_run: request.dry_run,
        asks: request.consent.asks(),
        run,
        bounds: Bounds::default(),
    };
    look_at_source(index, &mut errand, &meant, &mut report, monitor)?;
    let lanes = Lanes::begin(index, &Arc::new(errand), &request.destinations)?;
    let ends = lanes.watch(request.consent, monitor);
    monitor.event(&Event::Finished);
    lanes.end(ends, &mut report)?;
    report.elapsed = start.elapsed();
    report.interrupted = interrupt::requested();
    report.items.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}

/// Carries out an errand that was put together elsewhere, to one destination; gives it back.
///
/// # Errors
/// Nothing could be begun.
pub fn carry(
    index: &Index,
    errand: Errand,
    destination: &Database,
    monitor: &dyn Monitor,
    report: &mut Report,
) -> Result<Arc<Errand>> {
    monitor.event(&Event::Started {
        task: "comparing",
        files: None,
        bytes: None,
    });
    let errand = Arc::new(errand);
    let lanes = Lanes::begin(index, &errand, &[destination])?;
    let ends = lanes.watch(Consent::Nobody, monitor);
    monitor.event(&Event::Finished);
    lanes.end(ends, report)?;
    Ok(errand)
}

/// The replicas at the source that are meant; folders that cannot be listed are reported.
fn replicas<'a>(
    source: &Side,
    registry: &Registry,
    request: &Request<'a>,
    report: &mut Report,
) -> Result<Vec<(&'a Category, ProjectId)>> {
    let scope = &request.scope;
    let mut replicas = Vec::new();
    for category in &request.categories {
        let listing = source.listing(registry, category, scope)?;
        let path = |path: &Path| source.path(path, Path::new(""));
        for problem in &listing.problems {
            report.add(Outcome::Failed(problem.line()), || path(&category.path));
        }
        for link in &listing.links {
            let why = "it is a symbolic link, and is not followed".to_owned();
            report.add(Outcome::Skipped(why), || path(link));
        }
        let projects = listing.projects.into_iter();
        replicas.extend(projects.map(|project| (*category, project)));
    }
    if replicas.is_empty() && report.items.is_empty() {
        let (categories, database) = (&request.categories, &request.source.name);
        return Err(source.no_replica(registry, categories, scope, database)?);
    }
    Ok(replicas)
}

/// Looks at every replica at the source; what was seen is told to the index, unless nothing is to be done.
fn look_at_source(
    index: &mut Index,
    errand: &mut Errand,
    meant: &[(&Category, ProjectId)],
    report: &mut Report,
    monitor: &dyn Monitor,
) -> Result<()> {
    let (source, registry) = (&errand.source, &errand.registry);
    let mut noting = Noting::begin(index, source.database())?;
    for (category, project) in meant {
        let tree = source.tree(registry, &errand.exclusions, category, project)?;
        monitor.event(&Event::Files(tree.files()));
        if let Some(error) = tree.failure() {
            let path = source.path(&below(&category.path, project), Path::new(""));
            report.add(Outcome::Failed(error.line()), || path);
            continue;
        }
        noting.add(category, project, &tree)?;
        errand.replicas.push(Replica {
            category: (*category).clone(),
            project: project.clone(),
            tree,
        });
    }
    let noted = noting.finish()?;
    if !errand.dry_run
        && let Err(error) = source.note(&noted, index)
    {
        monitor.event(&Event::Problem(&error));
        report.unrecorded = true;
    }
    Ok(())
}

/// The lanes of a copy while they are under way. They are not waited for where a storage never answers.
struct Lanes {
    databases: Vec<Database>,
    reports: Vec<Arc<Mutex<Report>>>,
    meter: Arc<Meter>,
    compared: Arc<Meter>,
    /// How often every byte is counted.
    passes: u64,
    news: Receiver<News>,
}

/// Copying so many files and bytes begins.
const fn copying((files, bytes): (u64, u64)) -> Event<'static> {
    Event::Started {
        task: "copying",
        files: Some(files),
        bytes: Some(bytes),
    }
}

/// What became of a lane.
#[derive(Debug)]
enum End {
    /// It is under way, or was given up in the middle.
    Open,
    /// Everything was carried out, but not looked at again.
    CarriedOut,
    /// It ended.
    Ended(Result<()>),
}

impl Lanes {
    fn begin(index: &Index, errand: &Arc<Errand>, destinations: &[&Database]) -> Result<Self> {
        let (sender, news) = mpsc::channel();
        let mut lanes = Self {
            databases: destinations.iter().map(|to| (*to).clone()).collect(),
            reports: Vec::new(),
            meter: Arc::default(),
            compared: Arc::default(),
            passes: if errand.verify { 2 } else { 1 },
            news,
        };
        for (place, database) in lanes.databases.iter().enumerate() {
            let report = Arc::<Mutex<Report>>::default();
            let meters = [&lanes.meter, &lanes.compared].map(Arc::clone);
            lanes.reports.push(Arc::clone(&report));
            let (sender, errand) = (sender.clone(), Arc::clone(errand));
            let (index, database) = (index.open_again()?, database.clone());
            let work = move || {
                // Nobody listens any more once the lane was given up.
                let tell = |news| sender.send(news).unwrap_or_default();
                let lane = Lane {
                    errand: &errand,
                    database: &database,
                    index,
                    report: &report,
                    meter: &meters[0],
                    compared: &meters[1],
                    place,
                    tell: &tell,
                };
                let ended = lane.run();
                // What was asked of the source ends here: once the last lane is heard of, this process may end too.
                drop(errand);
                tell(News::Ended(place, ended));
            };
            let root = &lanes.databases[place].root;
            thread::Builder::new()
                .spawn(work)
                .at("begin a thread for the copy to", root)?;
        }
        Ok(lanes)
    }

    /// Shows what the lanes do, and asks for them, until they have ended, or were given up after a stop.
    fn watch(&self, consent: Consent, monitor: &dyn Monitor) -> Vec<End> {
        let mut ends: Vec<End> = self.databases.iter().map(|_| End::Open).collect();
        let (mut shown, mut planned, mut stopped) = ((0, 0), None, None);
        while ends.iter().any(|end| !matches!(end, End::Ended(_))) {
            match self.news.recv_timeout(STEP) {
                Ok(News::Comparing { files, bytes }) => {
                    monitor.event(&Event::Expected { files, bytes });
                }
                Ok(News::Planned { files, bytes }) => {
                    if planned.is_none() {
                        monitor.event(&Event::Finished);
                        monitor.event(&copying((0, 0)));
                    }
                    let before = planned.unwrap_or((0, 0));
                    planned = Some((before.0 + files, before.1 + bytes));
                    monitor.event(&Event::Expected { files, bytes });
                }
                Ok(News::Asks { question, answer }) => {
                    // What is shown of the work gives way to the question.
                    monitor.event(&Event::Finished);
                    // A lane that was given up waits for no answer.
                    answer.send(consent.to(&question)).unwrap_or_default();
                    if let Some(planned) = planned {
                        monitor.event(&copying(planned));
                        shown = (0, 0);
                    }
                }
                Ok(News::Notice(text)) => monitor.event(&Event::Notice(&text)),
                Ok(News::Problem(error)) => monitor.event(&Event::Problem(&error)),
                Ok(News::CarriedOut(place)) => ends[place] = End::CarriedOut,
                Ok(News::Ended(place, how)) => ends[place] = End::Ended(how),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let (files, bytes) = self.meter.read();
            let done = (files, bytes / self.passes + self.compared.read().1);
            monitor.event(&Event::Files(done.0 - shown.0));
            monitor.event(&Event::Bytes(done.1 - shown.1));
            shown = done;
            if interrupt::requested() && stopped.get_or_insert_with(Instant::now).elapsed() > GRACE
            {
                break;
            }
        }
        ends
    }

    /// Puts together what the lanes came to.
    ///
    /// # Errors
    /// The first failure, if nothing could be begun anywhere.
    fn end(self, ends: Vec<End>, report: &mut Report) -> Result<()> {
        let mut began = false;
        let mut first = None;
        let parts = self.databases.into_iter().zip(self.reports).zip(ends);
        for ((database, part), end) in parts {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            began |= part.planned_files > 0;
            report.append(std::mem::take(&mut part));
            let root: PathBuf = database.root;
            let failure = match end {
                End::Ended(Ok(())) | End::CarriedOut => {
                    began = true;
                    continue;
                }
                End::Ended(Err(error)) => error,
                End::Open if interrupt::requested() => Error::Interrupted,
                End::Open => {
                    let why = io::Error::other("it ended early; copy again");
                    Error::Io {
                        action: "copy to",
                        path: root.clone(),
                        source: why,
                    }
                }
            };
            let outcome = match &failure {
                Error::Interrupted => Outcome::Unreached,
                Error::Declined => Outcome::Skipped("you said no".to_owned()),
                error => Outcome::Failed(error.line()),
            };
            report.add(outcome, || root);
            first.get_or_insert(failure);
        }
        match first {
            Some(error) if !began => Err(error),
            _ => Ok(()),
        }
    }
}
