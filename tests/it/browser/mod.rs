//! Pages and pictures in a browser: headless Chromium, without a network.

mod picture;
mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::studio::{Studio, report_skip};

/// Names of the program in the packages of several systems.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A browser with a profile of its own in a studio.
struct Browser<'a> {
    studio: &'a Studio,
    program: &'static str,
}

impl<'a> Browser<'a> {
    /// Finds the browser. Reports a skip and returns `None` without one.
    fn new(studio: &'a Studio) -> Option<Self> {
        let is_there = |program: &&str| {
            let run = studio.other_program(program).arg("--version").output();
            run.is_ok_and(|output| output.status.success())
        };
        let program = NAMES.into_iter().find(is_there);
        if program.is_none() {
            report_skip("chromium is not installed");
        }
        Some(Self {
            studio,
            program: program?,
        })
    }

    fn command(&self, width: u32, height: u32) -> Command {
        let mut command = self.studio.other_program(self.program);
        let profile = self.studio.path("profile");
        command
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--no-first-run",
                "--force-device-scale-factor=1",
                "--host-resolver-rules=MAP * ~NOTFOUND",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(format!("--window-size={width},{height}"));
        command
    }

    fn url(&self, page: &str) -> String {
        format!("file://{}", self.studio.path(page).display())
    }

    /// Returns the width and height of a picture of a page.
    #[track_caller]
    fn screenshot(&self, page: &str, (width, height): (u32, u32)) -> (u32, u32) {
        let target = self.studio.path("shot.png");
        let mut command = self.command(width, height);
        command.arg(format!("--screenshot={}", target.display()));
        let output = command.arg(self.url(page)).output().unwrap();
        let png = fs::read(&target).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        fs::remove_file(target).unwrap();
        assert!(png.starts_with(b"\x89PNG") && png.len() > 5000);
        let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        (number(16), number(20))
    }

    /// Returns the number of pages of a printed page.
    #[track_caller]
    fn printed_pages(&self, page: &str) -> usize {
        let target = self.studio.path("printed.pdf");
        let mut command = self.command(1280, 1000);
        command.arg(format!("--print-to-pdf={}", target.display()));
        let output = command.arg(self.url(page)).output().unwrap();
        let pdf = fs::read(&target).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let text = String::from_utf8_lossy(&pdf);
        assert!(text.starts_with("%PDF"));
        text.matches("/Type /Page\n").count()
    }

    /// Runs a script on a copy of a page, and returns what it passes to `done` as JSON. The page is in a frame of this width: a
    /// window cannot be narrow.
    #[track_caller]
    fn evaluate(&self, html: &str, width: u32, script: &str) -> Value {
        let page = format!(
            "{html}<script>/*OURS*/const done = value => parent.postMessage(btoa(unescape(encodeURIComponent(JSON.stringify(value)))), '*');\n\
             {script}</script>"
        );
        let frame = format!(
            "<!doctype html><pre id=result></pre><script>onmessage = sent => document.getElementById('result').textContent = sent.data</script>\
             <iframe src=framed.html width={width} height=1000 style='border: 0'></iframe>"
        );
        self.studio
            .file("framed.html", page)
            .file("evaluated.html", frame);
        let mut command = self.command(1400, 1100);
        command.args(["--virtual-time-budget=60000", "--dump-dom"]);
        let output = command.arg(self.url("evaluated.html")).output().unwrap();
        let dom = String::from_utf8_lossy(&output.stdout);
        let result = dom.split_once("<pre id=\"result\">");
        let result = result.and_then(|(_, rest)| rest.split_once("</pre>"));
        let (result, _) = result.unwrap_or_else(|| panic!("no result: {output:?}"));
        let value = serde_json::from_slice(&from_base64(result));
        value.unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'=').collect();
    let mut bytes = Vec::new();
    for group in digits.chunks(4) {
        let bits = group
            .iter()
            .fold(0_u32, |bits, byte| bits << 6 | u32::from(digit(*byte)));
        let bits = bits << (6 * (4 - group.len()) + 8);
        bytes.extend(&bits.to_be_bytes()[..group.len() * 3 / 4]);
    }
    bytes
}

/// Returns the script of axe-core, which `tests/run` installs beside the build. Reports a skip and returns `None` without it.
fn axe() -> Option<String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(target)
        .join("test-tools/node_modules/axe-core/axe.min.js");
    let script = fs::read_to_string(path).ok();
    if script.is_none() {
        report_skip("axe-core is not installed");
    }
    script
}
