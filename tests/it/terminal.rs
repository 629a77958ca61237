//! A terminal of a certain size with the program in it.

use std::process::{Command, Stdio};

use rexpect::process::WaitStatus;
use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::studio::Studio;

/// Script that sets the size of the terminal to the first two arguments and runs the others. rexpect's terminals do not
/// echo.
const SIZED: &str = r#"stty rows "$1" cols "$2" echo; shift 2; exec "$@""#;

/// Starts a program in a terminal of this size.
fn spawn(
    studio: &Studio,
    (rows, columns): (u16, u16),
    environment: &[(&str, &str)],
    program: &Command,
    strip: bool,
) -> PtySession {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SIZED, "sh"]);
    command.args([rows.to_string(), columns.to_string()]);
    command
        .arg(program.get_program())
        .args(program.get_args())
        .env_clear()
        .current_dir(studio.path(""))
        .stdin(Stdio::inherit());
    for (name, value) in program.get_envs() {
        command.env(name, value.unwrap());
    }
    command
        .env("TERM", "xterm")
        .envs(environment.iter().copied());
    let options = Options::new()
        .timeout_ms(Some(20_000))
        .strip_ansi_escape_codes(strip);
    spawn_with_options(command, options).unwrap()
}

/// Starts the prompt; control sequences are removed.
pub(crate) fn prompt(
    studio: &Studio,
    size: (u16, u16),
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> PtySession {
    let program = &mut studio.command();
    spawn(studio, size, environment, program.args(arguments), true)
}

/// Starts the prompt; control sequences stay.
pub(crate) fn raw_prompt(
    studio: &Studio,
    size: (u16, u16),
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> PtySession {
    let program = &mut studio.command();
    spawn(studio, size, environment, program.args(arguments), false)
}

/// Sets the size of the terminal.
pub(crate) fn resize(session: &PtySession, (rows, columns): (u16, u16)) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(session.process().get_file_handle().unwrap(), size).unwrap();
}

/// Starts a shell and records all output of its terminal.
pub(crate) fn shell(studio: &Studio, size: (u16, u16), environment: &[(&str, &str)]) -> PtySession {
    let shell = &mut studio.other_program("/bin/sh");
    spawn(studio, size, environment, shell.arg("-i"), false)
}

/// Returns the program's output on a terminal; it must succeed.
#[track_caller]
pub(crate) fn output(
    studio: &Studio,
    size: (u16, u16),
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> String {
    let program = &mut studio.command();
    let mut session = spawn(studio, size, environment, program.args(arguments), false);
    let text = session.exp_eof().unwrap();
    let ended = session.process().wait().unwrap();
    assert!(
        matches!(ended, WaitStatus::Exited(_, 0)),
        "{ended:?}: {text}"
    );
    decoded(&text).replace("\r\n", "\n")
}

/// Starts a shell that runs the program for each line, writes its process ID to the file `pid`, and prints its status.
pub(crate) fn launcher_shell(studio: &Studio, (rows, columns): (u16, u16)) -> PtySession {
    let program = studio.command();
    let name = program.get_program().to_str().unwrap();
    let script = format!(
        "stty rows {rows} cols {columns} echo; while read -r line; do \
         case $line in auto-backup) sh -c 'echo $$ >pid; exec {name}' ;; *) $line ;; esac; \
         echo ended with $?; done"
    );
    let mut command = studio.other_program("/bin/sh");
    command
        .args(["-c", &script])
        .env("TERM", "xterm")
        .stdin(Stdio::inherit());
    let options = Options::new().timeout_ms(Some(20_000));
    spawn_with_options(command, options).unwrap()
}

/// Decodes the output, in which rexpect makes one character of every byte.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.chars().map(|byte| u8::try_from(byte).unwrap());
    String::from_utf8(bytes.collect()).unwrap()
}
