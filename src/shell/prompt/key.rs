//! Keys that the line editor leaves to us: Tab, the keys of the menu, and the arrows.
//!
//! rustyline reads all keys, so that pasted and early typed text keeps its order. A key of ours becomes an action that the
//! assistant performs when rustyline requests a completion.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustyline::{
    Cmd, ConditionalEventHandler, Event, EventContext, KeyCode, KeyEvent, Modifiers, Movement,
    RepeatCount,
};

use super::menu::{MenuAction, MenuStatus};
use crate::os::terminal;

/// Action of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyAction {
    Menu(MenuAction),
    /// Shows an older line of the history.
    Older,
    /// Shows a newer line of the history.
    Newer,
}

/// State that keys depend on, shared by their handler and the assistant.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedKeys(Arc<Mutex<KeyState>>);

#[derive(Debug, Default)]
pub(super) struct KeyState {
    pub(super) menu: MenuStatus,
    /// True while Ctrl-R searches the history: all keys are rustyline's.
    pub(super) is_searching: bool,
    /// True if the next repaint closes the menu.
    pub(super) closes_menu: bool,
    /// Action of the last key.
    action: Option<KeyAction>,
}

impl SharedKeys {
    pub(super) fn state(&self) -> MutexGuard<'_, KeyState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the action of the last key, once.
    pub(super) fn take_action(&self) -> Option<KeyAction> {
        self.state().action.take()
    }
}

/// Meaning of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum KeyMeaning {
    /// An action of ours.
    Action(KeyAction),
    /// A movement inside a pasted line of several rows.
    Move(Movement),
    /// A key of rustyline that closes the menu first.
    Close,
    /// A key of rustyline that leaves the screen to another program.
    Suspend,
    /// Any other key of rustyline.
    Other,
}

impl ConditionalEventHandler for SharedKeys {
    fn handle(
        &self,
        event: &Event,
        repeat: RepeatCount,
        _: bool,
        context: &EventContext<'_>,
    ) -> Option<Cmd> {
        let key = event.get(0)?;
        let mut state = self.state();
        state.action = None;
        if state.is_searching {
            return None;
        }
        let cursor = context.pos();
        let line = context.line();
        let rows = (
            line.get(..cursor).unwrap_or_default().contains('\n'),
            line.get(cursor..).unwrap_or_default().contains('\n'),
        );
        match meaning(*key, state.menu, rows) {
            KeyMeaning::Action(action) => {
                state.action = Some(action);
                Some(Cmd::Complete)
            }
            KeyMeaning::Move(Movement::LineUp(_)) => Some(Cmd::Move(Movement::LineUp(repeat))),
            KeyMeaning::Move(_) => Some(Cmd::Move(Movement::LineDown(repeat))),
            KeyMeaning::Close => {
                state.closes_menu = true;
                None
            }
            KeyMeaning::Suspend => {
                state.closes_menu = true;
                terminal::erase_below_cursor();
                None
            }
            KeyMeaning::Other => None,
        }
    }
}

/// Returns the meaning of a key. `rows` states whether the line has rows above and below that of the cursor.
fn meaning(
    KeyEvent(code, modifiers): KeyEvent,
    menu: MenuStatus,
    (above, below): (bool, bool),
) -> KeyMeaning {
    use KeyMeaning::{Action, Other};
    let is_open = menu != MenuStatus::Closed;
    let menu_action = |action| Action(KeyAction::Menu(action));
    let control = |letter| modifiers == Modifiers::CTRL && code == KeyCode::Char(letter);
    let plain = |wanted| modifiers == Modifiers::NONE && code == wanted;
    if plain(KeyCode::Tab) || control('I') {
        return menu_action(MenuAction::Next);
    }
    if plain(KeyCode::BackTab) {
        return menu_action(MenuAction::Previous);
    }
    let (up, down) = (
        plain(KeyCode::Up) || control('P'),
        plain(KeyCode::Down) || control('N'),
    );
    if !is_open {
        return match (up, down) {
            (true, _) if above => KeyMeaning::Move(Movement::LineUp(1)),
            (_, true) if below => KeyMeaning::Move(Movement::LineDown(1)),
            (true, _) => Action(KeyAction::Older),
            (_, true) => Action(KeyAction::Newer),
            _ => Other,
        };
    }
    if up {
        menu_action(MenuAction::Previous)
    } else if down {
        menu_action(MenuAction::Next)
    } else if plain(KeyCode::PageUp) {
        menu_action(MenuAction::PreviousPage)
    } else if plain(KeyCode::PageDown) {
        menu_action(MenuAction::NextPage)
    } else if plain(KeyCode::Esc) || control('C') || control('G') {
        menu_action(MenuAction::Cancel)
    } else if control('Z') {
        KeyMeaning::Suspend
    } else if control('R') || control('S') {
        KeyMeaning::Close
    } else {
        let takes = match menu {
            MenuStatus::Selected { takes_blank } => {
                plain(KeyCode::Enter)
                    || control('M')
                    || control('J')
                    || plain(KeyCode::Right)
                    || takes_blank && plain(KeyCode::Char(' '))
            }
            _ => false,
        };
        if takes {
            menu_action(MenuAction::Take)
        } else {
            Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode, menu: MenuStatus) -> KeyMeaning {
        meaning(KeyEvent(code, Modifiers::NONE), menu, (false, false))
    }

    #[test]
    fn enter_takes_only_a_selected_entry() {
        let selected = MenuStatus::Selected { takes_blank: true };
        let take = KeyMeaning::Action(KeyAction::Menu(MenuAction::Take));
        assert_eq!(pressed(KeyCode::Enter, selected), take);
        assert_eq!(pressed(KeyCode::Char(' '), selected), take);
        let quoted = MenuStatus::Selected { takes_blank: false };
        assert_eq!(pressed(KeyCode::Char(' '), quoted), KeyMeaning::Other);
        for menu in [MenuStatus::Open, MenuStatus::Closed] {
            assert_eq!(pressed(KeyCode::Enter, menu), KeyMeaning::Other);
        }
    }

    #[test]
    fn arrows_belong_to_menu_or_history() {
        let previous = KeyMeaning::Action(KeyAction::Menu(MenuAction::Previous));
        assert_eq!(pressed(KeyCode::Up, MenuStatus::Open), previous);
        let older = KeyMeaning::Action(KeyAction::Older);
        assert_eq!(pressed(KeyCode::Up, MenuStatus::Closed), older);
        let up = KeyEvent(KeyCode::Up, Modifiers::NONE);
        assert_eq!(
            meaning(up, MenuStatus::Closed, (true, false)),
            KeyMeaning::Move(Movement::LineUp(1))
        );
    }

    #[test]
    fn control_c_cancels_only_an_open_menu() {
        let key = KeyEvent(KeyCode::Char('C'), Modifiers::CTRL);
        let cancel = KeyMeaning::Action(KeyAction::Menu(MenuAction::Cancel));
        assert_eq!(meaning(key, MenuStatus::Open, (false, false)), cancel);
        assert_eq!(
            meaning(key, MenuStatus::Closed, (false, false)),
            KeyMeaning::Other
        );
    }
}
