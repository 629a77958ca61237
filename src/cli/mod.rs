//! The process: command-line options in, exit status out.
//!
//! `run` parses the options, opens the index, runs the start-up file and then one of three sources of commands: the prompt,
//! a script or `-c`. Scripts are read before anything starts, so a missing one changes nothing. The process exits with the
//! worst status of its commands.

mod command_words;
mod demo;
mod generate;
mod manual;
mod options;
mod script_source;
mod session;
mod startup_file;
mod usage_error;

use std::env;
use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use self::command_words::split;
use self::options::{Options, has_json_format, help_color, message_color};
use self::script_source::is_interactive;
use self::session::run_session;
use self::usage_error::explain_surplus_word;
use crate::base::exit_status::ExitStatus;
use crate::base::ignore::ignore;
use crate::base::interrupt;
use crate::commands::with_uniform_help;
use crate::os::exec_shim;
use crate::output::color::ColorChoice;
use crate::output::message::Messages;

/// Runs the process and returns its exit status.
pub fn run() -> ExitStatus {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    if arguments
        .first()
        .is_some_and(|first| first == exec_shim::EXEC_SHIM_OPTION)
    {
        return run_exec_shim(arguments);
    }
    exec_shim::enable();
    interrupt::ignore_file_size_signal();
    let color = help_color(&arguments);
    let grammar = with_uniform_help(Options::command()).color(color);
    let json = has_json_format(&arguments);
    let typed = arguments.clone();
    let arguments = split(arguments);
    let parsed =
        grammar.try_get_matches_from([OsString::from("auto-backup")].iter().chain(&arguments.own));
    let options = match parsed.and_then(|matches| Options::from_arg_matches(&matches)) {
        Ok(options) => Options {
            words: arguments.words,
            ..options
        },
        Err(clap_error) => {
            let messages = Messages::new(message_color(color), false).with_json(json);
            let explained = explain_surplus_word(&clap_error, &arguments.own);
            let for_programs = || json.then(|| usage_error::plain_error(&clap_error));
            let error = explained.or_else(|| for_programs().filter(|_| clap_error.use_stderr()));
            if let Some(error) = error {
                messages.error(&error);
                return error.exit_status();
            }
            // clap writes help to standard output and usage errors to standard error.
            ignore(clap_error.print(), "a closed pipe is not an error");
            return if clap_error.use_stderr() {
                ExitStatus::Usage
            } else {
                ExitStatus::Done
            };
        }
    };
    let messages = Messages::new(options.color_choice(), options.quiet).with_json(json);
    if let Some(name) = arguments.shadowed {
        messages.notice(&format!(
            "note: the file `{name}` runs as a script; `auto-backup -c {name}` runs the command"
        ));
    }
    let ended = match options.generate {
        Some(what) => generate::print(what),
        None if options.demo => demo::run(typed, is_interactive(&options), messages),
        None => run_session(&options, messages),
    };
    match ended {
        Ok(status) => status,
        Err(error) => {
            messages.error(&error);
            error.exit_status()
        }
    }
}

/// Runs another program in place of this process. Reads no options: the parent process chose the arguments.
fn run_exec_shim(arguments: Vec<OsString>) -> ExitStatus {
    let error = exec_shim::exec_program(arguments.into_iter().skip(1));
    Messages::new(ColorChoice::Never, false).warning(&format!("cannot start: {error}"));
    ExitStatus::Failed
}
