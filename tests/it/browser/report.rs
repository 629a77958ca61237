//! The page of `report` in a browser: pictures, printing, accessibility, and names that try to be markup.

use serde_json::Value;

use super::{Browser, axe};
use crate::commands::path_from_bytes;
use crate::studio::{CHANGED, Studio};

/// Facts of the shown page: sizes, elements that a report never has, requests, and the texts of all isolated names.
const FACTS: &str = "
    const facts = {
        inner: innerWidth, scroll: document.documentElement.scrollWidth,
        names: [...document.querySelectorAll('bdi')].map(name => name.textContent),
        foreign: [...document.querySelectorAll('img,iframe,object,embed,link,form,input,video,audio,base,b,script')]
            .map(element => element.outerHTML).filter(html => !html.includes('/*OURS*/')),
        handlers: [...document.querySelectorAll('*')].flatMap(element => element.getAttributeNames())
            .filter(name => name.startsWith('on')),
        requests: performance.getEntriesByType('resource').length, dialogs: window.dialogs,
    };";

/// Counts dialogs before anything of the page can run.
const WATCH: &str = "<script>/*OURS*/window.dialogs = 0; window.alert = window.confirm = window.prompt = () => window.dialogs += 1</script>";

/// The line that forbids scripts, also those of the tests.
const POLICY: &str = "<meta http-equiv=\"Content-Security-Policy\"";

/// Names of projects and folders that try to be markup, or that are hard to show.
const ODD_NAMES: [&[u8]; 7] = [
    b"<img src=x onerror=alert(1)>",
    b"\"><script>alert(2)<",
    b"&lt;b&gt; 'x' {{ 7 }}",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd} film".as_bytes(),
    b"two\nlines\x1b[31m",
    b"caf\xe9",
    "a\u{202e}b".as_bytes(),
];

/// The names as they are shown.
const SHOWN: [&str; 7] = [
    "<img src=x onerror=alert(1)>",
    "\"><script>alert(2)<",
    "&lt;b&gt; 'x' {{ 7 }}",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd} film",
    "two\\nlines\\x1b[31m",
    "caf\\xe9",
    "a\\u{202e}b",
];

/// A studio with all kinds of rows: gaps, a failed copy, sequences, several years, and odd names.
fn studio() -> Studio {
    let studio = Studio::new();
    for (number, name) in ODD_NAMES.iter().enumerate() {
        let project = [b"WORK/footage/acme/", *name, b"/"].concat();
        for frame in [1001, 1003] {
            let path = [&project, *name, format!(".{frame}.exr").as_bytes()].concat();
            let years = 365 * 86_400 * number as u64;
            studio.file_at(
                path_from_bytes(&path),
                vec![7; 1000 + number],
                CHANGED - years,
            );
        }
    }
    let long = "x".repeat(255);
    studio
        .file(
            format!("WORK/footage/{long}/{long}/{}.mov", "y".repeat(251)),
            "long",
        )
        .file("WORK/footage/nova/titles/t.mov", vec![7; 5000]);
    let lines = ["load", "copy nova all WORK NAS", "load"];
    studio.lines(&lines).ok();
    studio.lines(&["report all --to page.html"]).ok();
    studio
}

/// Returns the page without the line that forbids scripts.
fn without_policy(page: &str) -> String {
    let is_kept = |line: &&str| !line.starts_with(POLICY);
    let lines: Vec<&str> = page.lines().filter(is_kept).collect();
    assert_eq!(lines.len() + 1, page.lines().count());
    lines
        .join("\n")
        .replacen("<head>", &format!("<head>{WATCH}"), 1)
}

/// Returns what the browser says of the page at this width.
fn facts(browser: &Browser<'_>, page: &str, width: u32) -> Value {
    let script = match axe() {
        Some(axe) => format!(
            "{axe}\n{FACTS}\naxe.run().then(run => done({{...facts, \
             findings: run.violations.map(one => [one.id, one.nodes.map(node => node.html).slice(0, 3)]), \
             passed: run.passes.length}}))"
        ),
        None => format!("{FACTS}done({{...facts, findings: [], passed: 99}})"),
    };
    browser.evaluate(&without_policy(page), width, &script)
}

#[test]
fn page_is_accessible_and_fits_at_each_width() {
    let studio = studio();
    let Some(browser) = Browser::new(&studio) else {
        return;
    };
    let page = studio.read("page.html");
    for width in [400, 1280] {
        let facts = facts(&browser, &page, width);
        assert_eq!(facts["inner"], width);
        assert_eq!(facts["scroll"], width, "the page is too wide");
        assert_eq!(facts["findings"], serde_json::json!([]));
        assert!(
            facts["passed"].as_u64().unwrap() > 20,
            "{}",
            facts["passed"]
        );
        assert_eq!(facts["requests"], 0);
        assert_no_markup(&facts);
    }
}

/// Checks that odd names are text, and shown completely.
fn assert_no_markup(facts: &Value) {
    assert_eq!(facts["foreign"], serde_json::json!([]));
    assert_eq!(facts["handlers"], serde_json::json!([]));
    assert_eq!(facts["dialogs"], 0);
    let names = facts["names"].as_array().unwrap();
    for name in SHOWN {
        let project = format!("acme/{name}");
        assert!(names.iter().any(|shown| *shown == project), "{project}");
        let sequence = format!("{name}.[1001-1003].exr");
        assert!(names.iter().any(|shown| *shown == sequence), "{sequence}");
    }
    let long = "x".repeat(255);
    assert!(names.iter().any(|shown| *shown == long));
}

#[test]
fn page_is_drawn_and_printed() {
    let studio = studio();
    let Some(browser) = Browser::new(&studio) else {
        return;
    };
    for size in [(1280, 1600), (400, 1600)] {
        assert_eq!(browser.screenshot("page.html", size), size);
    }
    let pages = browser.printed_pages("page.html");
    assert!((3..=14).contains(&pages), "{pages} pages");
}

#[test]
fn page_refers_to_nothing_outside() {
    let studio = Studio::filled();
    studio.lines(&["load", "report all --to page.html"]).ok();
    let page = studio.read("page.html");
    for outside in [
        "http:",
        "https:",
        "url(",
        "<script",
        "src=",
        "<link",
        "@import",
        "<img",
        "javascript:",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains(POLICY));
    assert!(page.contains("default-src 'none'; style-src 'unsafe-inline'; img-src data:"));
}
