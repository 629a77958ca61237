//! Text of rclone's messages: its parts without the names that users chose, and the phrases and statuses in them.

/// First words of segments that continue with a path.
const PATH_VERBS: &str = "open lstat stat mkdir remove rename read write readdir readdirent chtimes chmod unlinkat fdopendir openat newfstatat";

/// Splits a message into its causes, in lower case and without names. A path may contain colons, so that only the last segment
/// behind it is certainly not part of it.
pub(super) fn segments(message: &str, object: Option<&str>) -> Vec<String> {
    let unquoted = strip_quoted(&strip_object(message, object)).to_lowercase();
    let segments: Vec<&str> = unquoted.split([':', '\n', ';']).map(str::trim).collect();
    let path = segments.iter().position(|segment| contains_path(segment));
    let (before, after) = segments.split_at(path.unwrap_or(segments.len()));
    let cause = after.get(1..).and_then(<[_]>::last);
    let kept = before
        .iter()
        .chain(cause.filter(|cause| !contains_path(cause)));
    kept.map(|segment| (*segment).to_owned()).collect()
}

/// Removes the path of the file or folder that a message is about.
pub(super) fn strip_object(message: &str, object: Option<&str>) -> String {
    match object {
        Some(object) if object.contains('/') => message.replace(object, ""),
        // A short name may be one of the words.
        Some(object) if !object.is_empty() => message.replace(&format!("/{object}"), "/"),
        _ => message.to_owned(),
    }
}

fn contains_path(segment: &str) -> bool {
    let is_path = |word: &str| word.starts_with(['/', '~']) || word.starts_with("./");
    let verb = segment.split(' ').next();
    let begins_with_verb = PATH_VERBS.split(' ').any(|known| verb == Some(known));
    segment.split(' ').any(is_path) || (begins_with_verb && segment.contains('/'))
}

/// True if a text contains one of these phrases, and no letter, digit or slash adjoins it.
pub(super) fn contains_any(text: &str, phrases: &str) -> bool {
    let is_boundary = |adjoining: Option<char>| {
        adjoining.is_none_or(|adjoining| !adjoining.is_alphanumeric() && adjoining != '/')
    };
    phrases.split('|').any(|phrase| {
        text.match_indices(phrase).any(|(at, _)| {
            is_boundary(text[..at].chars().next_back())
                && is_boundary(text[at + phrase.len()..].chars().next())
        })
    })
}

/// Returns the HTTP status in a message: three digits after a word like `status`, or before the reason phrase.
pub(super) fn http_status(text: &str) -> Option<u16> {
    const WORDS_BEFORE: &str = "error statuscode: code: code status http";
    const WORDS_AFTER: &str = "unauthorized forbidden too request gateway not";
    let is_among = |word: Option<&&str>, words: &str| {
        word.is_some_and(|word| words.split(' ').any(|known| known == *word))
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    words.iter().enumerate().find_map(|(place, word)| {
        let number = word.trim_matches(|character: char| "():,.;".contains(character));
        let is_number = number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit());
        let before = place.checked_sub(1).and_then(|before| words.get(before));
        let is_status =
            is_among(before, WORDS_BEFORE) || is_among(words.get(place + 1), WORDS_AFTER);
        (is_number && is_status).then(|| number.parse().ok())?
    })
}

/// Removes text in double quotes or backquotes, except for the reason that a token server gave.
fn strip_quoted(message: &str) -> String {
    let mut kept = String::with_capacity(message.len());
    let mut characters = message.chars();
    while let Some(character) = characters.next() {
        if character != '"' && character != '`' {
            kept.push(character);
            continue;
        }
        let is_reason = kept.ends_with("oauth2: ");
        let mut is_escaped = false;
        for inner in characters.by_ref() {
            if inner == character && !is_escaped {
                break;
            }
            is_escaped = inner == '\\' && !is_escaped;
            if is_reason {
                kept.push(inner);
            }
        }
    }
    kept
}
