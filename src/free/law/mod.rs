//! The protocol of `free` as a state machine, explored exhaustively with the decisions of the program itself.
//!
//! Machines free their targets at the same time, in every interleaving of their steps; reading the intent of one witness and
//! scanning one witness are steps of their own. A machine may be killed before any step and start again, storages go offline
//! and come back, and people edit files. Law: a file is removed only while as many copies as the policy demands are on other
//! media, apart from those that people edited after a removal relied on them; and nothing but the proven content is removed.

mod command;
mod lease;

use std::collections::{HashSet, VecDeque};

use super::protocol::{PROTOCOL, Step, WitnessState};
use crate::model::policy::{Demand, Policy};
use crate::trust::copies::Copies;

/// Largest number of storages and of machines.
const STORAGES: usize = 4;
const MACHINES: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum FileContent {
    Proven,
    Edited,
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ModelStorage {
    content: FileContent,
    is_online: bool,
    /// Intents of running processes, a bit for each machine.
    intents: u8,
    /// Intents of killed processes.
    leftovers: u8,
    /// The machine that holds the lock, plus 1.
    lock: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ModelMachine {
    /// The next step of the protocol; beyond the last one it has ended.
    step: u8,
    /// Within the reading of intents and the scans: the next storage.
    part: u8,
    /// Storages that count as witnesses, a bit for each.
    counted: u8,
    /// Storages at which the scan found the content.
    found: u8,
    /// Storages that its removal relies on: those, and the ones that the removal of one of those relied on.
    relied: u8,
    /// Storages among them at which people edited the content since.
    edited: u8,
    /// Number of processes that may still be started.
    starts: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ModelState {
    storages: [ModelStorage; STORAGES],
    machines: [ModelMachine; MACHINES],
    /// Numbers of edits and of changes between online and offline that may still happen.
    edits: u8,
    changes: u8,
}

/// The setting of one exploration.
#[derive(Clone, Copy)]
struct ModelSetting {
    storages: usize,
    /// The target of each machine.
    targets: &'static [usize],
    copies: u64,
    starts: u8,
    edits: u8,
    changes: u8,
    protocol: [Step; 5],
    counts: fn(WitnessState) -> bool,
    /// True if each file is compared with the proven one before it is moved.
    rechecks: bool,
}

const SETTING: ModelSetting = ModelSetting {
    storages: 3,
    targets: &[0, 1],
    copies: 1,
    starts: 2,
    edits: 1,
    changes: 2,
    protocol: PROTOCOL,
    counts: WitnessState::counts,
    rechecks: true,
};

impl ModelSetting {
    fn policy(&self) -> Policy {
        Policy::Keep(Demand {
            copies: self.copies,
            offsite: 0,
            verified_within: None,
        })
    }

    fn start(&self) -> ModelState {
        let storage = ModelStorage {
            content: FileContent::Proven,
            is_online: true,
            intents: 0,
            leftovers: 0,
            lock: 0,
        };
        let machine = ModelMachine {
            step: u8::MAX,
            part: 0,
            counted: 0,
            found: 0,
            relied: 0,
            edited: 0,
            starts: 0,
        };
        let mut state = ModelState {
            storages: [storage; STORAGES],
            machines: [machine; MACHINES],
            edits: self.edits,
            changes: self.changes,
        };
        for machine in state.machines.iter_mut().take(self.targets.len()) {
            machine.starts = self.starts;
        }
        state
    }

    fn step_of(&self, machine: ModelMachine) -> Option<Step> {
        self.protocol.get(usize::from(machine.step)).copied()
    }

    /// Explores all states. Returns their number, or a description of the first state that breaks the law.
    fn explore(&self) -> Result<usize, String> {
        let start = self.start();
        let (mut seen, mut pending) = (HashSet::from([start]), VecDeque::from([start]));
        while let Some(state) = pending.pop_front() {
            let mut next = Vec::new();
            self.add_next(&state, &mut next)?;
            pending.extend(next.into_iter().filter(|state| seen.insert(*state)));
        }
        Ok(seen.len())
    }

    fn add_next(&self, state: &ModelState, next: &mut Vec<ModelState>) -> Result<(), String> {
        for number in 0..self.targets.len() {
            let machine = &state.machines[number];
            if self.step_of(*machine).is_some() {
                next.push(self.take(state, number)?);
                next.push(self.kill(state, number));
            } else if machine.starts > 0 {
                let mut started = *state;
                started.machines[number] = ModelMachine {
                    step: 0,
                    part: 0,
                    counted: 0,
                    found: 0,
                    relied: 0,
                    edited: 0,
                    starts: machine.starts - 1,
                };
                next.push(started);
            }
        }
        for place in 0..self.storages {
            if state.changes > 0 {
                let mut changed = *state;
                changed.changes -= 1;
                changed.storages[place].is_online ^= true;
                next.push(changed);
            }
            if state.edits > 0 && state.storages[place].content == FileContent::Proven {
                let mut edited = *state;
                edited.edits -= 1;
                edited.storages[place].content = FileContent::Edited;
                for machine in &mut edited.machines {
                    machine.edited |= machine.relied & 1 << place;
                }
                next.push(edited);
            }
        }
        Ok(())
    }

    /// The process of a machine is killed: the system releases its lock, and its intent stays.
    fn kill(&self, state: &ModelState, number: usize) -> ModelState {
        let mut killed = *state;
        let target = &mut killed.storages[self.targets[number]];
        let bit = 1 << number;
        if target.intents & bit != 0 {
            target.intents &= !bit;
            target.leftovers |= bit;
        }
        if target.lock == 1 + u8::try_from(number).unwrap() {
            target.lock = 0;
        }
        killed.machines[number].step = u8::MAX;
        killed
    }

    /// The process ends by itself, and withdraws its intent.
    fn end(&self, state: &mut ModelState, number: usize) {
        let target = &mut state.storages[self.targets[number]];
        target.intents &= !(1 << number);
        if target.lock == 1 + u8::try_from(number).unwrap() {
            target.lock = 0;
        }
        state.machines[number].step = u8::MAX;
    }

    fn take(&self, before: &ModelState, number: usize) -> Result<ModelState, String> {
        let mut state = *before;
        let target = self.targets[number];
        let step = self.step_of(state.machines[number]);
        let is_reachable = state.storages[target].is_online;
        match step {
            // Nothing can be done at a target that is offline: the process fails, and its intent stays there.
            Some(_) if !is_reachable => return Ok(self.kill(before, number)),
            Some(Step::WriteIntent) => state.storages[target].intents |= 1 << number,
            Some(Step::TakeLock) => {
                if state.storages[target].lock != 0 {
                    self.end(&mut state, number);
                    return Ok(state);
                }
                state.storages[target].lock = 1 + u8::try_from(number).unwrap();
                // Of killed processes of this machine.
                state.storages[target].leftovers &= !(1 << number);
            }
            Some(Step::ReadIntentsAndScan) if !self.read_or_scan(&mut state, number) => {
                return Ok(state);
            }
            None | Some(Step::ReadIntentsAndScan) => {}
            Some(Step::Remove) => self.remove(&mut state, number)?,
            Some(Step::WithdrawIntent) => {
                self.end(&mut state, number);
                return Ok(state);
            }
        }
        state.machines[number].step += 1;
        Ok(state)
    }

    /// Reads the intent of one storage, or scans one. Returns true after the last one, if the answer is yes.
    fn read_or_scan(&self, state: &mut ModelState, number: usize) -> bool {
        let target = self.targets[number];
        let part = usize::from(state.machines[number].part);
        let place = part % self.storages;
        let storage = state.storages[place];
        let bit = 1 << place;
        if part < self.storages {
            let witness = WitnessState {
                is_online: storage.is_online,
                is_trusted: false,
                is_being_freed: storage.intents | storage.leftovers != 0,
            };
            if place != target && (self.counts)(witness) {
                state.machines[number].counted |= bit;
            }
        } else if storage.is_online && storage.content == FileContent::Proven {
            state.machines[number].found |= bit;
            state.machines[number].relied |= bit;
        }
        state.machines[number].part += 1;
        if part + 1 < 2 * self.storages {
            return false;
        }
        let machine = state.machines[number];
        let mut copies = Copies::default();
        for place in (0..self.storages).filter(|place| *place != target) {
            if machine.counted & machine.found & 1 << place != 0 {
                copies.add(place, false);
            }
        }
        let is_there = machine.found & 1 << target != 0;
        if is_there && copies.satisfy(&self.policy()) {
            return true;
        }
        self.end(state, number);
        false
    }

    /// Removes the file at the target if it is still the proven one.
    fn remove(&self, state: &mut ModelState, number: usize) -> Result<(), String> {
        let target = self.targets[number];
        let content = state.storages[target].content;
        if content == FileContent::Absent || self.rechecks && content != FileContent::Proven {
            return Ok(());
        }
        if content != FileContent::Proven {
            return Err(format!("an edited file was removed: {state:?}"));
        }
        state.storages[target].content = FileContent::Absent;
        let own = state.machines[number];
        for other in state
            .machines
            .iter_mut()
            .filter(|other| other.relied & 1 << target != 0)
        {
            other.relied |= own.counted & own.relied;
            other.edited |= own.edited;
        }
        let edited = own.edited;
        let mut copies = Copies::default();
        for place in (0..self.storages).filter(|place| *place != target) {
            let is_there = state.storages[place].content == FileContent::Proven;
            if is_there || edited & 1 << place != 0 {
                copies.add(place, false);
            }
        }
        if copies.satisfy(&self.policy()) {
            return Ok(());
        }
        Err(format!("fewer copies than the policy demands: {state:?}"))
    }
}

/// Explores settings until the sum of their states, which must reach this number.
fn explore_all(settings: &[ModelSetting], least: usize) {
    let states = settings.iter().map(|setting| setting.explore().unwrap());
    let states: usize = states.sum();
    assert!(states >= least, "{states} states");
}

#[test]
fn no_interleaving_removes_too_many_copies() {
    let three = ModelSetting {
        targets: &[0, 1, 2],
        starts: 1,
        edits: 0,
        changes: 0,
        ..SETTING
    };
    let two_copies = ModelSetting {
        storages: 4,
        copies: 2,
        edits: 0,
        changes: 0,
        ..SETTING
    };
    // Two machines free the same target.
    let one_target = ModelSetting {
        targets: &[0, 0],
        ..SETTING
    };
    explore_all(&[SETTING, three, two_copies, one_target], 1_000_000);
    if std::env::var("AUTO_BACKUP_STATES").is_ok() {
        let long = [
            ModelSetting {
                changes: 2,
                ..three
            },
            ModelSetting {
                edits: 1,
                changes: 1,
                ..two_copies
            },
            ModelSetting {
                edits: 2,
                ..SETTING
            },
            ModelSetting {
                edits: 1,
                changes: 1,
                ..three
            },
        ];
        explore_all(&long, 4_000_000);
    }
}

#[test]
fn model_finds_a_broken_guard() {
    let late_intent = [
        Step::TakeLock,
        Step::ReadIntentsAndScan,
        Step::WriteIntent,
        Step::Remove,
        Step::WithdrawIntent,
    ];
    let broken = [
        ModelSetting {
            protocol: late_intent,
            ..SETTING
        },
        ModelSetting {
            counts: |state| {
                WitnessState {
                    is_being_freed: false,
                    ..state
                }
                .counts()
            },
            ..SETTING
        },
        ModelSetting {
            rechecks: false,
            ..SETTING
        },
    ];
    for (number, setting) in broken.iter().enumerate() {
        assert!(setting.explore().is_err(), "{number}");
    }
}
