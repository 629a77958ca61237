//! Description of the machine. It names no path and no host.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use auto_backup::base::timestamp::Timestamp;
use auto_backup::base::unit;

/// Returns one line with the machine and the file systems, and one with the versions of the peers.
pub(crate) fn description(places: &str, peers: &[&str]) -> String {
    let memory = entry("/proc/meminfo", "MemTotal").and_then(|text| {
        let kilobytes: u64 = text.split_whitespace().next()?.parse().ok()?;
        Some(unit::format_bytes(kilobytes * 1024))
    });
    let peers: Vec<String> = peers.iter().map(|program| version(program)).collect();
    let processors = thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{date}, auto-backup {own}, Linux {kernel}, {processors} CPUs ({model}), {memory} of memory; \
         {places}.\n{peers}.\n",
        date = today(),
        own = env!("CARGO_PKG_VERSION"),
        kernel = kernel().unwrap_or_else(unknown),
        model = entry("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
        memory = memory.unwrap_or_else(unknown),
        peers = peers.join("; "),
    )
}

/// Returns the name of the file system of a folder.
pub(crate) fn file_system(folder: &Path) -> String {
    // `stat -f` gives ext4 the name of its ancestors.
    let mut df = Command::new("df");
    let told = df.arg("--output=fstype").arg(folder).output().ok();
    let told = told.and_then(|told| String::from_utf8(told.stdout).ok());
    let name = told.as_deref().and_then(|told| told.lines().nth(1));
    name.map_or_else(unknown, str::to_owned)
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// Returns the date in UTC.
fn today() -> String {
    let now = Timestamp::now().rfc3339().unwrap_or_default();
    now.split('T').next().unwrap_or_default().to_owned()
}

/// Returns the kernel's version without the suffix of its builder.
fn kernel() -> Option<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(release.trim().split('-').next()?.to_owned())
}

/// Returns the first value of a key in a file of `key : value` lines.
fn entry(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let mut entries = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = entries.find(|(found, _)| found.trim() == key)?;
    Some(value.trim().to_owned())
}

/// Returns the version of a program, if it is installed.
fn version(program: &str) -> String {
    let mut forms = ["--version", "version"].into_iter();
    let found = forms.find_map(|form| first_line(Command::new(program).arg(form)));
    match found {
        Some(line) => match line.strip_prefix("Version:") {
            // gdu leaves its name out.
            Some(number) => format!("{program} {}", number.trim()),
            None => line,
        },
        None => format!("{program} is not installed"),
    }
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    if !output.status.success() {
        return None;
    }
    // xxh128sum writes its version to standard error.
    let written = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(written).ok()?;
    text.lines().next().map(str::to_owned)
}
