//! Loads beside a film that is played from the same disk, polite and not.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::cache;
use crate::commands::{Index, ours, warm};
use crate::common::measure::measure;
use crate::common::outcome::Outcome;
use crate::common::row::{Row, verdict};
use crate::common::spread::Spread;
use crate::film::{Film, Played};
use crate::studio::Studio;

const POLITE: &str = "`load --polite`";

/// Results of one way to use the disk.
#[derive(Debug, Default)]
struct Uses {
    played: Played,
    times: Vec<Duration>,
}

impl Uses {
    fn add(&mut self, played: Played, time: Duration) {
        self.played.frames += played.frames;
        self.played.missed += played.missed;
        self.times.push(time);
    }

    fn missed(&self) -> String {
        format!("{} of {} frames", self.played.missed, self.played.frames)
    }

    fn spread(&self) -> Outcome<Spread> {
        Ok(Spread::of(self.times.iter().copied()).ok_or("nothing was measured")?)
    }
}

/// Measures this number of rounds.
pub(crate) fn rows(studio: &Studio, index: &Index, runs: u64) -> Outcome<Vec<Row>> {
    writeln!(io::stderr(), "measuring {POLITE}")?;
    let film = Film::new(studio)?;
    let [load, polite] = ["load", "load --polite"].map(|line| ours(studio, index, line));
    let [mut alone, mut beside_load, mut beside_polite] = <[Uses; 3]>::default();
    let mut undisturbed = Uses::default();
    for _ in 0..runs {
        for (command, uses) in [(&load, &mut beside_load), (&polite, &mut beside_polite)] {
            prepare(index, command)?;
            let (played, time) = beside(&film, || Ok(measure(command)?.0.wall))?;
            uses.add(played, time);
        }
        // As long as beside the polite load, so that both have the same chances of a disturbance by others.
        let time = beside_polite.times.last().copied().unwrap_or_default();
        cache::empty()?;
        let (played, ()) = beside(&film, || {
            thread::sleep(time);
            Ok(())
        })?;
        alone.add(played, time);
        prepare(index, &polite)?;
        undisturbed.times.push(measure(&polite)?.0.wall);
    }
    let missed = |what: &str, uses: &Uses| Row {
        what: what.to_owned(),
        ours: uses.missed(),
        against: "the film alone".to_owned(),
        takes: alone.missed(),
        ..Row::default()
    };
    let is_met = beside_polite.played.missed <= alone.played.missed;
    let polite_row = Row {
        asked: "none more".to_owned(),
        verdict: verdict(Some(is_met)),
        ..missed("missed frames beside `load --polite`", &beside_polite)
    };
    let (busy, free) = (beside_polite.spread()?, undisturbed.spread()?);
    let film_and_load = Some(beside_load.spread()?);
    Ok(vec![
        missed("missed frames beside `load`", &beside_load),
        polite_row,
        Row::against(
            "`load --polite` beside the film",
            busy,
            "`load` beside the film",
            film_and_load,
        ),
        Row::against(
            "`load --polite`, nothing else",
            free,
            "`load` beside the film",
            film_and_load,
        ),
    ])
}

fn prepare(index: &Index, command: &[OsString]) -> Outcome<()> {
    index.remove()?;
    cache::empty()?;
    warm(command)
}

/// Plays the film while something else is done.
fn beside<T>(film: &Film, act: impl FnOnce() -> Outcome<T>) -> Outcome<(Played, T)> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let screen = scope.spawn(|| film.play(&stop).map_err(|error| error.to_string()));
        let done = act();
        stop.store(true, Ordering::Relaxed);
        let played = screen.join().map_err(|_| "the player panicked")??;
        Ok((played, done?))
    })
}
