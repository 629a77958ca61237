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
use crate::order::shuffled;
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

/// One thing that a round does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The film, as long as the polite load took beside it, so that both have the same chances of a disturbance by others.
    Film,
    FilmAndLoad,
    FilmAndPolite,
    Load,
    Polite,
}

const TURNS: [Turn; 5] = [
    Turn::Film,
    Turn::FilmAndLoad,
    Turn::FilmAndPolite,
    Turn::Load,
    Turn::Polite,
];

/// Measures this number of rounds.
pub(crate) fn rows(studio: &Studio, index: &Index, runs: u64) -> Outcome<Vec<Row>> {
    writeln!(io::stderr(), "measuring {POLITE}")?;
    let film = Film::new(studio)?;
    let [load, polite] = ["load", "load --polite"].map(|line| ours(studio, index, line));
    let mut uses = <[Uses; 5]>::default();
    let mut length = Duration::from_secs(1);
    for round in 0..runs {
        for number in shuffled(TURNS.len(), round) {
            let turn = TURNS[number];
            let command = match turn {
                Turn::FilmAndLoad | Turn::Load => &load,
                Turn::Film | Turn::FilmAndPolite | Turn::Polite => &polite,
            };
            prepare(index, command)?;
            let act = || match turn {
                Turn::Film => {
                    thread::sleep(length);
                    Ok(length)
                }
                _ => Ok(measure(command)?.0.wall),
            };
            let (played, time) = match turn {
                Turn::Load | Turn::Polite => (Played::default(), act()?),
                _ => beside(&film, act)?,
            };
            if turn == Turn::FilmAndPolite {
                length = time;
            }
            uses[number].add(played, time);
        }
    }
    table(&uses)
}

fn table([film, film_load, film_polite, load, polite]: &[Uses; 5]) -> Outcome<Vec<Row>> {
    let missed = |what: &str, uses: &Uses| Row {
        what: what.to_owned(),
        ours: uses.missed(),
        against: "the film alone".to_owned(),
        takes: film.missed(),
        ..Row::default()
    };
    let is_met = film_polite.played.missed <= film.played.missed;
    let times = |what: &str, ours: &Uses, against: &str, peer: &Uses| -> Outcome<Row> {
        Ok(Row::against(
            what,
            ours.spread()?,
            against,
            Some(peer.spread()?),
        ))
    };
    Ok(vec![
        missed("missed frames beside `load`", film_load),
        Row {
            asked: "none more".to_owned(),
            verdict: verdict(Some(is_met)),
            ..missed("missed frames beside `load --polite`", film_polite)
        },
        times(
            "`load --polite` beside the film",
            film_polite,
            "`load` beside the film",
            film_load,
        )?,
        times(
            "`load --polite`, nothing else",
            polite,
            "`load`, nothing else",
            load,
        )?,
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
