//! The end of the prompt: changes that are not saved are saved first, unless the user declines.

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use super::plain::{PlainReader, PromptInput};
use super::welcome;
use crate::base::interrupt;
use crate::output::message::write_text;
use crate::shell::session::Session;
use crate::shell::statement::{PROMPT_ORIGIN, Statement};

const QUESTION: &str = "save? [Y/n] ";

/// An answer to the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SaveChoice {
    Save,
    Discard,
    /// Go on with the prompt.
    Stay,
    /// Nobody answers: the terminal was closed, or Ctrl-D was pressed again.
    Unanswered,
}

/// Returns true if the prompt may end. Saves the changes of the session, unless the user declines. `plain` is the reader of
/// a terminal without cursor movement.
pub(super) fn may_leave(session: &mut Session, plain: Option<&mut PlainReader>) -> bool {
    let Some(unsaved) = welcome::unsaved_notice(&session.workspace) else {
        return true;
    };
    // A dry run saves nothing.
    if session.workspace.dry_run {
        return true;
    }
    write_text(&unsaved);
    let choice = if session.confirms_everything() {
        SaveChoice::Save
    } else {
        ask(plain)
    };
    match choice {
        SaveChoice::Save => save(session),
        SaveChoice::Stay => false,
        SaveChoice::Discard | SaveChoice::Unanswered => true,
    }
}

/// Saves as the command `save` does. Returns false after a failure, so that nothing is lost.
fn save(session: &mut Session) -> bool {
    let statement = Statement {
        origin: PROMPT_ORIGIN.to_owned(),
        number: 1,
        text: "save".to_owned(),
    };
    let ended = session.run_statement(&statement, false);
    let is_saved = !ended.status.stops_script() && !ended.status.is_cancellation();
    if !is_saved && !interrupt::was_terminated() {
        session
            .messages
            .note("the prompt goes on; `exit`, then `n` leaves without saving");
    }
    is_saved
}

/// Asks until the answer is clear.
fn ask(plain: Option<&mut PlainReader>) -> SaveChoice {
    let Some(_idle) = interrupt::IdleGuard::begin() else {
        return SaveChoice::Unanswered;
    };
    let mut read: Box<dyn FnMut() -> PromptInput + '_> = match plain {
        Some(plain) => {
            plain.resume();
            Box::new(move || plain.read(QUESTION).unwrap_or(PromptInput::EndOfInput))
        }
        None => Box::new(read_with_editor),
    };
    loop {
        match read() {
            PromptInput::Line(answer) => {
                if let Some(choice) = parse(&answer) {
                    return choice;
                }
            }
            PromptInput::InvalidUtf8 => {}
            PromptInput::Interrupted => return SaveChoice::Stay,
            PromptInput::EndOfInput => return SaveChoice::Unanswered,
        }
    }
}

fn read_with_editor() -> PromptInput {
    let answer = DefaultEditor::new().and_then(|mut editor| editor.readline(QUESTION));
    match answer {
        Ok(line) => PromptInput::Line(line),
        Err(ReadlineError::Interrupted) => PromptInput::Interrupted,
        Err(_) => PromptInput::EndOfInput,
    }
}

/// Returns the choice of an answer; `None` if it is unclear.
fn parse(answer: &str) -> Option<SaveChoice> {
    match answer.trim().to_lowercase().as_str() {
        "" | "y" | "yes" => Some(SaveChoice::Save),
        "n" | "no" => Some(SaveChoice::Discard),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_saves_and_unclear_answers_are_asked_again() {
        for (answer, choice) in [
            ("", Some(SaveChoice::Save)),
            (" Y ", Some(SaveChoice::Save)),
            ("yes", Some(SaveChoice::Save)),
            ("n", Some(SaveChoice::Discard)),
            ("No", Some(SaveChoice::Discard)),
            ("exit", None),
            ("ye", None),
        ] {
            assert_eq!(parse(answer), choice, "{answer}");
        }
    }
}
