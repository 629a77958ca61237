//! The picture of the prompt in the README, as a browser draws it.

use std::fs;

use serde_json::Value;

use super::Browser;
use crate::source_tree::top;
use crate::studio::Studio;

/// Returns left edge, right edge and text of each word, with the left edge and the width that the picture states.
const WORDS: &str = "
    const origin = document.querySelector('svg').getBoundingClientRect();
    done([...document.querySelectorAll('svg text')].map(word => {
        const box = word.getBoundingClientRect();
        return { text: word.textContent, left: box.left - origin.left, right: box.right - origin.left, top: box.top,
            x: Number(word.getAttribute('x')), width: Number(word.getAttribute('textLength')) };
    }));";

fn number(word: &Value, key: &str) -> f64 {
    word[key].as_f64().unwrap()
}

#[test]
fn words_of_the_prompt_stand_in_their_columns() {
    let studio = Studio::bare();
    let Some(browser) = Browser::new(&studio) else {
        return;
    };
    let picture = fs::read_to_string(top().join("docs/prompt.svg")).unwrap();
    let page = format!("<!doctype html><meta charset=utf-8>{picture}");
    let words = browser.evaluate(&page, 1000, WORDS);
    let words = words.as_array().unwrap();
    assert!(words.len() > 100);
    for word in words {
        // Blanks within a word would be collapsed, and the rest stretched.
        assert!(!word["text"].as_str().unwrap().contains(' '), "{word}");
        assert!(
            (number(word, "left") - number(word, "x")).abs() < 1.0,
            "{word}"
        );
        let end = number(word, "x") + number(word, "width");
        assert!((number(word, "right") - end).abs() < 1.0, "{word}");
    }
    // The headings of numbers end where the numbers end, those of words begin where the words begin.
    let find = |text: &str| words.iter().position(|word| word["text"] == text).unwrap();
    let heading = |text: &str| &words[find(text)];
    let below = |text: &str| {
        let first = find("acme/spot");
        words[first..]
            .iter()
            .find(|word| word["text"] == text)
            .unwrap()
    };
    for (title, value) in [("size", "MB"), ("files", "65")] {
        let title = heading_after_command(words, title);
        let ends = [title, below(value)].map(|word| number(word, "right"));
        assert!((ends[0] - ends[1]).abs() < 1.0, "{title} {ends:?}");
    }
    for (title, value) in [("project", "acme/spot"), ("on", "WORK,")] {
        let starts = [heading(title), below(value)].map(|word| number(word, "left"));
        assert!((starts[0] - starts[1]).abs() < 1.0, "{title} {starts:?}");
    }
}

/// Returns the heading with this text; the line of the command may hold the word, too.
fn heading_after_command<'a>(words: &'a [Value], text: &str) -> &'a Value {
    let first = words.iter().position(|word| word["text"] == "project");
    let mut row = words[first.unwrap()..].iter();
    row.find(|word| word["text"] == text).unwrap()
}
