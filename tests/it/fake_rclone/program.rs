//! The fake itself: this test binary, started by a script named `rclone`. It forwards every request to the current
//! rclone and changes one reply.
//!
//! `std::env::args` belongs to the test harness. The words of the request are in variables, and descriptor 3 is
//! rclone's standard output.

use std::env;
use std::fs::{self, File};
use std::io::{Read as _, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

/// Entries whose names lead outside, or contain impossible characters.
const CLIMBING: &str = r#"{"Path":"../outside","Name":"outside","Size":1,"ModTime":"2001-01-01T00:00:00Z","IsDir":false},
{"Path":"acme/../../../outside","Name":"outside","Size":1,"ModTime":"2001-01-01T00:00:00Z","IsDir":false},
{"Path":"/tmp/outside","Name":"outside","Size":1,"ModTime":"2001-01-01T00:00:00Z","IsDir":false},
{"Path":"acme/spot/..","Name":"..","Size":1,"ModTime":"2001-01-01T00:00:00Z","IsDir":true},
{"Path":"acme/spot/\u0000","Name":"\u0000","Size":1,"ModTime":"2001-01-01T00:00:00Z","IsDir":false},
{"Path":"acme/spot/\n","Name":"\n","Size":1,"ModTime":"2001-01-01T00:00:00Z","IsDir":false},
{"Path":"acme/spot/\u001b[31m","Name":"\u001b[31m","Size":1,"ModTime":"2001-01-01T00:00:00Z","IsDir":false}"#;

/// Id of a job that the current rclone does not have.
const REFUSED_JOB: &str = "{\"jobid\": 1000000}";

const RATE_LIMIT: &str = "googleapi: Error 403: User rate limit exceeded, userRateLimitExceeded";

/// True if the storage refuses this request of its kind.
fn is_refused(lie: &str, kind: &str) -> bool {
    match lie.split_once("-refused") {
        Some((refused, "")) => refused == kind,
        Some((refused, "-twice")) if refused == kind => {
            let file = env::var("LYING_COUNT").unwrap();
            let mut file = File::options()
                .create(true)
                .append(true)
                .open(file)
                .unwrap();
            file.write_all(b"x").unwrap();
            file.metadata().unwrap().len() <= 2
        }
        _ => false,
    }
}

fn say_refused(files: &[String]) {
    for file in files {
        let line = format!(
            "{{\"level\":\"error\",\"msg\":\"Failed to copy: {RATE_LIMIT}\",\"object\":\"{file}\"}}\n"
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}

/// Not a test but the entry point of the script. It passes without the script's variables.
#[test]
#[expect(clippy::exit, reason = "a stand-in for a program ends as one")]
fn fake_rclone_process_entry() {
    let Ok(lie) = env::var("LYING_LIE") else {
        return;
    };
    let count: usize = env::var("LYING_WORDS").unwrap().parse().unwrap();
    let words: Vec<String> = (0..count)
        .map(|place| env::var(format!("LYING_WORD_{place}")).unwrap())
        .collect();
    let mut out = File::options().write(true).open("/proc/self/fd/3").unwrap();
    let status = answer(&lie, &words, &mut out);
    process::exit(status);
}

/// Returns a command of the current rclone.
fn real(words: &[String]) -> Command {
    let mut command = Command::new(env::var("LYING_REAL").unwrap());
    command.args(words);
    command
}

/// Replies to a request and returns the exit status.
fn answer(lie: &str, words: &[String], out: &mut File) -> i32 {
    let is_listing = words[0] == "lsjson" && !words.contains(&"--stat".to_owned());
    match words[0].as_str() {
        "version" => {
            out.write_all(env::var("LYING_VERSION").unwrap().as_bytes())
                .unwrap();
            0
        }
        "rcd" => serve(lie, words),
        _ if is_listing => list(lie, words, out),
        "copy" | "copyto" | "move" if words.iter().any(|word| word == "--files-from-raw") => {
            transfer(lie, words)
        }
        _ => {
            let mut command = real(words);
            command.stdout(out.try_clone().unwrap());
            panic!("{}", command.exec());
        }
    }
}

fn list(lie: &str, words: &[String], out: &mut File) -> i32 {
    let log = |message: &str| {
        let said = format!("{{\"level\":\"error\",\"msg\":\"{message}\",\"object\":\"\"}}\n");
        std::io::stderr().write_all(said.as_bytes()).unwrap();
    };
    if is_refused(lie, "list") {
        log(RATE_LIMIT);
        return 1;
    }
    match lie {
        "one-bracket" => {
            out.write_all(b"garbage\n]\n").unwrap();
            return 0;
        }
        "no-answer" => return 0,
        "quoted" => {
            log(
                "Failed to create file system for \\\"cloud:404/directory not found\\\": 500 object not found",
            );
            return 1;
        }
        "missing" => {
            log("error listing: directory not found");
            return 3;
        }
        "endless-entries" => endless(out, |number| {
            format!(
                "{{\"Path\":\"acme/x{number}\",\"Name\":\"x\",\"Size\":1,\"ModTime\":\"\",\"IsDir\":false}},\n"
            )
        }),
        "endless-line" => endless(out, |_| "x".repeat(1000)),
        "endless-log" => endless(&mut std::io::stderr(), |_| {
            "{\"level\":\"error\",\"msg\":\"oh\",\"object\":\"o\"}\n".to_owned()
        }),
        "endless-log-line" => endless(&mut std::io::stderr(), |_| "y".repeat(1000)),
        _ => {}
    }
    let output = real(words).stderr(Stdio::inherit()).output().unwrap();
    let status = output.status.code().unwrap_or(1);
    let text = String::from_utf8(output.stdout).unwrap();
    let bent = corrupt_listing(lie, &text);
    out.write_all(bent.as_bytes()).unwrap();
    if lie == "killed" {
        kill_process(getpid(), Signal::KILL).unwrap();
    }
    status
}

/// Returns a listing with one lie.
fn corrupt_listing(lie: &str, text: &str) -> String {
    match lie {
        "half" | "killed" => text[..text.len() / 2].to_owned(),
        "unended" => text.trim_end().trim_end_matches(']').to_owned(),
        "one-bad-line" => text.replacen("\"IsDir\":false}", "\"IsDir\":fal", 1),
        "sizes" => text.replace("\"Size\":", "\"Size\":1"),
        "climbing" => text.replacen("[\n{", &format!("[\n{CLIMBING},\n{{"), 1),
        "twice" => {
            let entry = text.lines().find(|line| line.contains("reel.mov"));
            let entry = entry.unwrap_or_default().trim_end_matches(',').to_owned();
            if entry.is_empty() {
                return text.to_owned();
            }
            text.replacen("[\n", &format!("[\n{entry},\n"), 1)
        }
        _ => text.to_owned(),
    }
}

#[expect(clippy::exit, reason = "a stand-in for a program ends as one")]
fn endless(out: &mut impl Write, line: impl Fn(u64) -> String) -> ! {
    for number in 0.. {
        let some: String = (number * 1000..(number + 1) * 1000).map(&line).collect();
        let begin = if number == 0 { "[\n" } else { "" };
        if out.write_all(format!("{begin}{some}").as_bytes()).is_err() {
            process::exit(1);
        }
    }
    unreachable!()
}

/// Returns the files of a list.
fn listed(words: &[String]) -> Vec<String> {
    let place = words.iter().position(|word| word == "--files-from-raw");
    let list = fs::read_to_string(&words[place.unwrap() + 1]).unwrap();
    list.lines().map(str::to_owned).collect()
}

fn say_copied(files: &[String]) {
    for file in files {
        let line =
            format!("{{\"level\":\"info\",\"msg\":\"Copied (new)\",\"object\":\"{file}\"}}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
}

/// Replaces the content of fetched files by holes; sizes and times stay.
fn corrupt_fetched_files(folder: &Path, files: &[String]) {
    for file in files {
        let Ok(file) = File::options().write(true).open(folder.join(file)) else {
            continue;
        };
        let metadata = file.metadata().unwrap();
        file.set_len(0).unwrap();
        file.set_len(metadata.len()).unwrap();
        file.set_modified(metadata.modified().unwrap()).unwrap();
    }
}

fn transfer(lie: &str, words: &[String]) -> i32 {
    if is_refused(lie, "transfer") {
        say_refused(&listed(words));
        return 1;
    }
    match lie {
        "said-and-not-done" => {
            say_copied(&listed(words));
            return 0;
        }
        "nothing-done" => return 0,
        "endless-transfer" => endless(&mut std::io::stderr(), |_| {
            "{\"level\":\"info\",\"msg\":\"oh\"}\n".to_owned()
        }),
        _ => {}
    }
    let output = real(words).output().unwrap();
    let there = Path::new(words.last().unwrap());
    match lie {
        "done-and-not-said" => 1,
        "wrong-bytes" if there.is_absolute() => {
            corrupt_fetched_files(there, &listed(words));
            std::io::stderr().write_all(&output.stderr).unwrap();
            0
        }
        "half-and-killed" if there.is_absolute() => {
            corrupt_fetched_files(there, &listed(words));
            std::io::stderr().write_all(&output.stderr).unwrap();
            kill_process(getpid(), Signal::KILL).unwrap();
            1
        }
        "dies-at-the-end" => {
            kill_process(getpid(), Signal::KILL).unwrap();
            1
        }
        _ => {
            std::io::stderr().write_all(&output.stderr).unwrap();
            output.status.code().unwrap_or(1)
        }
    }
}

/// Forwards requests from a socket to the current rclone and changes replies.
fn serve(lie: &str, words: &[String]) -> i32 {
    let address = words
        .iter()
        .find_map(|word| word.strip_prefix("--rc-addr=unix://"));
    let socket = address.unwrap().to_owned();
    let behind = format!("{socket}r");
    let mut words = words.to_vec();
    for word in &mut words {
        if word.starts_with("--rc-addr=") {
            *word = format!("--rc-addr=unix://{behind}");
        }
    }
    let mut child = real(&words).stdin(Stdio::null()).spawn().unwrap();
    let ended = thread::spawn(move || child.wait().unwrap());
    while UnixStream::connect(&behind).is_err() {
        if ended.is_finished() {
            return 1;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let listener = UnixListener::bind(&socket).unwrap();
    for stream in listener.incoming() {
        let (lie, behind) = (lie.to_owned(), behind.clone());
        let stream = stream.unwrap();
        thread::spawn(move || pass_on(&lie, stream, Path::new(&behind)));
    }
    0
}

fn pass_on(lie: &str, mut stream: UnixStream, behind: &Path) -> Option<()> {
    let mut question = Vec::new();
    let end = loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
        question.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&question);
        let head = text.find("\r\n\r\n");
        let length = text.split("Content-Length: ").nth(1);
        let length = length.and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
        if let (Some(head), Some(length)) = (head, length)
            && question.len() >= head + 4 + length
        {
            break head + 4;
        }
    };
    let head = String::from_utf8_lossy(&question[..end]).into_owned();
    let path = head.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    let body = String::from_utf8_lossy(&question[end..]).into_owned();
    if let Some(answer) = fabricated_answer(lie, &path, &body) {
        return answer_with(&mut stream, lie, &answer);
    }
    let mut real = UnixStream::connect(behind).ok()?;
    real.write_all(&question).ok()?;
    let mut answer = String::new();
    real.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?;
    let bent = match (lie, path.as_str()) {
        ("half" | "one-bad-line", "operations/list" | "operations/stat") => {
            body[..body.len() / 2].to_owned()
        }
        ("sizes", "operations/list") => body.replace("\"Size\": ", "\"Size\": 1"),
        ("climbing", "operations/list") => body.replacen('[', &format!("[{CLIMBING},"), 1),
        _ => body.to_owned(),
    };
    let answer = format!("HTTP/1.0 {status} X\r\n\r\n{bent}");
    stream.write_all(answer.as_bytes()).ok()
}

/// Returns a fabricated reply, if this lie needs no real one.
fn fabricated_answer(lie: &str, path: &str, question: &str) -> Option<String> {
    let good = |body: &str| Some(format!("HTTP/1.0 200 OK\r\n\r\n{body}"));
    match (lie, path) {
        ("one-bracket" | "no-answer", "operations/list") => good("]"),
        ("quoted", "operations/list" | "operations/stat") => Some(
            "HTTP/1.0 500 X\r\n\r\n{\"error\": \"404: object not found: directory not found\", \"status\": 500}".to_owned(),
        ),
        ("missing", "operations/list") => {
            Some("HTTP/1.0 404 X\r\n\r\n{\"error\": \"directory not found\", \"status\": 404}".to_owned())
        }
        ("endless-entries" | "endless-line" | "endless-log-line", "operations/list" | "core/stats") => {
            good("{\"list\": [")
        }
        ("said-and-not-done" | "nothing-done", "sync/copy") => {
            if lie == "said-and-not-done" {
                say_copied(&files_of(question)?);
            }
            good("{\"jobid\": 1}")
        }
        (_, "sync/copy") if is_refused(lie, "transfer") => {
            say_refused(&files_of(question)?);
            good(REFUSED_JOB)
        }
        (_, "job/status") if question.contains("1000000") => good(&format!(
            "{{\"finished\": true, \"success\": false, \"error\": \"{RATE_LIMIT}\"}}"
        )),
        ("said-and-not-done" | "nothing-done", "job/status") => {
            good("{\"finished\": true, \"success\": true, \"error\": \"\"}")
        }
        ("killed" | "dies-at-the-end", "operations/list" | "job/status") => {
            // The client ends the whole process group after a lost connection.
            kill_process(getpid(), Signal::KILL).ok()?;
            None
        }
        _ => None,
    }
}

/// Returns the files of a request for a transfer.
fn files_of(question: &str) -> Option<Vec<String>> {
    let question: serde_json::Value = serde_json::from_str(question).ok()?;
    let list = question["_filter"]["FilesFromRaw"][0].as_str()?;
    let files = fs::read_to_string(list).ok()?;
    Some(files.lines().map(str::to_owned).collect())
}

fn answer_with(stream: &mut UnixStream, lie: &str, answer: &str) -> Option<()> {
    stream.write_all(answer.as_bytes()).ok()?;
    if lie.starts_with("endless") {
        let more = "{\"Path\":\"a\",\"Name\":\"a\",\"Size\":1,\"ModTime\":\"\",\"IsDir\":false},"
            .repeat(1000);
        while stream.write_all(more.as_bytes()).is_ok() {}
    }
    Some(())
}
