//! Our program and bash in turn, so that other load of the machine affects both alike.

use std::time::Duration;

use crate::bound::judged;
use crate::common::outcome::Outcome;
use crate::common::row::Row;
use crate::common::spread::Spread;
use crate::programs::Program;
use crate::studio::Studio;
use crate::terminal::Terminal;

/// Name of bash in the table.
const BASH: &str = "bash";

/// Times of both, and our maximum peak memory.
#[derive(Debug, Default)]
pub(crate) struct Times {
    ours: Vec<Duration>,
    bash: Vec<Duration>,
    pub(crate) peak: u64,
}

impl Times {
    pub(crate) fn push(&mut self, program: Program, time: Duration) {
        match program {
            Program::Ours => self.ours.push(time),
            Program::Bash => self.bash.push(time),
        }
    }

    /// Returns a row; bash has no time if only our program was measured.
    pub(crate) fn row(&self, what: &str, limit: Option<Duration>) -> Outcome<Row> {
        let ours = Spread::of(self.ours.iter().copied()).ok_or("nothing was measured")?;
        let bash = Spread::of(self.bash.iter().copied());
        let row = match bash {
            Some(_) => Row::against(what, ours, BASH, bash),
            None => Row::alone(what, ours),
        };
        Ok(judged(row, ours, limit, self.peak))
    }
}

/// Starts a program and returns it at its prompt, with the time until that.
pub(crate) fn begin(program: Program, studio: &Studio) -> Outcome<(Terminal, Duration)> {
    let mut terminal = Terminal::start(program.command(studio))?;
    let took = terminal.wait_for(program.prompt())?;
    Ok((terminal, took))
}

/// Measures these keys, one after the other and repeatedly, after a line and keys that move its cursor.
pub(crate) fn keys(studio: &Studio, before: &[&str], keys: [u8; 2], rounds: u64) -> Outcome<Times> {
    let mut times = Times::default();
    let mut terminals = Vec::new();
    for program in [Program::Ours, Program::Bash] {
        let (mut terminal, _) = begin(program, studio)?;
        for text in before.iter().filter(|text| !text.is_empty()) {
            terminal.press(text.as_bytes())?;
        }
        terminals.push((program, terminal));
    }
    for round in 0..=rounds {
        for (program, terminal) in &mut terminals {
            for key in keys {
                let took = terminal.press(&[key])?;
                if round > 0 {
                    times.push(*program, took);
                }
            }
        }
    }
    for (program, terminal) in terminals {
        if program == Program::Ours {
            times.peak = terminal.peak()?;
        }
        terminal.leave()?;
    }
    Ok(times)
}
