//! Meaning of rclone's messages, for people and for trying again.
//!
//! A message quotes what the user and others named: paths, addresses, requests. These are taken out first, and what is left is
//! searched for whole phrases, from the cause at its end to its beginning. No phrase ever means that something is absent: that
//! is said by an exit status or by a field of an answer alone.

use super::PATIENCE;
use super::connection::Trouble;

/// Phrases of messages, in lower case.
const PHRASES: &[(Trouble, &[&str])] = &[
    (Trouble::NoRemote, &["didn't find section in config file"]),
    (Trouble::Refused, &["connection refused"]),
    (
        Trouble::HostKey,
        &["key mismatch", "key is unknown", "host key", "no hostkey"],
    ),
    (
        Trouble::NoHost,
        &["no such host", "temporary failure in name resolution"],
    ),
    (
        Trouble::NoRoute,
        &["network is unreachable", "no route to host", "host is down"],
    ),
    (
        Trouble::RateLimited,
        &[
            "rate limit exceeded",
            "userratelimitexceeded",
            "ratelimitexceeded",
            "too many requests",
            "too_many_requests",
            "too_many_write_operations",
            "quota exceeded",
            "slowdown",
            "throttling",
            "throttlingexception",
            "requestlimitexceeded",
            "please reduce your request rate",
        ],
    ),
    (
        Trouble::Expired,
        &[
            "invalid_grant",
            "couldn't fetch token",
            "cannot fetch token",
            "maybe token expired",
            "token expired",
            "token has been expired or revoked",
            "expired_access_token",
            "empty token found",
            "token expired and there's no refresh token",
        ],
    ),
    (
        Trouble::Late(PATIENCE),
        &[
            "deadline exceeded",
            "i/o timeout",
            "timeout awaiting response headers",
            "tls handshake timeout",
            "connection timed out",
            "operation timed out",
            "timed out",
            "timeout",
        ],
    ),
    (
        Trouble::Encrypted,
        &[
            "unable to decrypt configuration",
            "enter configuration password",
            "password-command",
            "config file is encrypted",
        ],
    ),
    (
        Trouble::Rejected,
        &[
            "unable to authenticate",
            "unexpected message type 51",
            "invalidaccesskeyid",
            "signaturedoesnotmatch",
            "expiredtoken",
            "unauthorized",
            "couldn't read ssh agent",
            "failed to read private key file",
            "nocredentialproviders",
        ],
    ),
    (
        Trouble::Denied,
        &["accessdenied", "access denied", "permission denied"],
    ),
    (Trouble::NoFolder, &["nosuchbucket", "directory not found"]),
];

/// Words before a status of HTTP.
const BEFORE_STATUS: &[&str] = &["error", "statuscode:", "code:", "code", "status", "http"];

/// Causes at whose beginning a path stands that is not quoted.
const OF_A_PATH: &[&str] = &[
    "open ",
    "lstat ",
    "stat ",
    "mkdir ",
    "remove ",
    "rename ",
    "read ",
    "write ",
    "readdir ",
    "readdirent ",
    "chtimes ",
    "chmod ",
    "unlinkat ",
    "fdopendir ",
    "openat ",
    "newfstatat ",
];

/// Meaning of a message.
pub(super) fn meaning(said: &str) -> Trouble {
    // Newer versions quote what the server of tokens says.
    if said.contains("oauth2: \"invalid_grant\"") {
        return Trouble::Expired;
    }
    let text = without_names(said).to_lowercase();
    let segments = text.split([':', '\n', ';']).map(str::trim);
    let segments: Vec<&str> = segments.filter(|segment| !names_a_path(segment)).collect();
    for segment in segments.iter().rev() {
        for (trouble, phrases) in PHRASES {
            if phrases.iter().any(|phrase| has_phrase(segment, phrase)) {
                return trouble.clone();
            }
        }
    }
    match http_status(&segments.join(": ")) {
        Some(401) => Trouble::Rejected,
        Some(403) => Trouble::Denied,
        Some(429) => Trouble::RateLimited,
        Some(408 | 504) => Trouble::Late(PATIENCE),
        _ => Trouble::Other(said.to_owned()),
    }
}

fn names_a_path(segment: &str) -> bool {
    OF_A_PATH.iter().any(|verb| segment.starts_with(verb))
}

/// Whether a phrase stands in a text, with no letter or digit at either end.
fn has_phrase(text: &str, phrase: &str) -> bool {
    let is_end = |character: Option<char>| {
        character.is_none_or(|character| !character.is_alphanumeric() && character != '/')
    };
    text.match_indices(phrase).any(|(at, _)| {
        is_end(text[..at].chars().next_back()) && is_end(text[at + phrase.len()..].chars().next())
    })
}

/// The status of HTTP that a message names: a number of three digits that stands behind a word for it, or before its reason.
fn http_status(text: &str) -> Option<u16> {
    const REASONS: &[&str] = &[
        "unauthorized",
        "forbidden",
        "too",
        "request",
        "gateway",
        "not",
    ];
    let words: Vec<&str> = text.split_whitespace().collect();
    words.iter().enumerate().find_map(|(place, word)| {
        let number = word.trim_matches(|character: char| "():,.;".contains(character));
        let is_number = number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit());
        let before = place.checked_sub(1).and_then(|before| words.get(before));
        let after = words.get(place + 1);
        let is_status = before.is_some_and(|word| BEFORE_STATUS.contains(word))
            || after.is_some_and(|word| REASONS.contains(word));
        (is_number && is_status).then(|| number.parse().ok())?
    })
}

/// A message without what others named in it: quoted text, addresses, paths, and the numbers of requests.
fn without_names(said: &str) -> String {
    let said = without_quoted(said);
    let mut kept = String::with_capacity(said.len());
    let mut is_in_path = false;
    let mut is_id = false;
    for word in said.split_inclusive(' ') {
        let bare = word.trim();
        let begins_path = bare.starts_with(['/', '~']) || bare.starts_with("./");
        is_in_path |= begins_path;
        let is_name = is_in_path || is_id || bare.contains("://");
        // A path ends where the cause follows.
        if is_in_path && bare.ends_with(':') {
            is_in_path = false;
        }
        let lower = bare.to_ascii_lowercase();
        is_id = matches!(lower.as_str(), "requestid:" | "hostid:")
            || (lower == "id:" && kept.to_ascii_lowercase().trim_end().ends_with(['t']));
        if is_name {
            kept.push_str(if bare.ends_with(':') { ": " } else { " " });
        } else {
            kept.push_str(word);
        }
    }
    kept
}

/// A message without what stands in double quotes or backquotes.
fn without_quoted(said: &str) -> String {
    let mut kept = String::with_capacity(said.len());
    let mut characters = said.chars();
    while let Some(character) = characters.next() {
        if character != '"' && character != '`' {
            kept.push(character);
            continue;
        }
        let mut is_escaped = false;
        for inner in characters.by_ref() {
            if inner == character && !is_escaped {
                break;
            }
            is_escaped = inner == '\\' && !is_escaped;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        for (said, trouble) in [
            (
                "NewFs: couldn't connect SSH: dial tcp 127.0.0.1:22999: connect: connection refused",
                Trouble::Refused,
            ),
            (
                "didn't find section in config file (\"nosuch\")",
                Trouble::NoRemote,
            ),
            (
                "NewFs: couldn't connect SSH: ssh: handshake failed: knownhosts: key mismatch",
                Trouble::HostKey,
            ),
            (
                "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none password]",
                Trouble::Rejected,
            ),
            (
                "https response error StatusCode: 403, RequestID: 1, HostID: , api error InvalidAccessKeyId: The Access Key",
                Trouble::Rejected,
            ),
            (
                "operation error S3: ListObjectsV2, https response error StatusCode: 403, RequestID: A404, HostID: x, api error AccessDenied: Access Denied",
                Trouble::Denied,
            ),
            (
                "dial tcp: lookup no.such.host.invalid on 10.0.0.1:53: no such host",
                Trouble::NoHost,
            ),
            ("dial tcp 10.0.0.9:22: i/o timeout", Trouble::Late(20)),
            (
                "Propfind \"http://10.0.0.9/\": net/http: timeout awaiting response headers",
                Trouble::Late(20),
            ),
            ("read metadata failed: 401 Unauthorized", Trouble::Rejected),
            ("Unauthorized: HTTP Error 401", Trouble::Rejected),
            (
                "HTTP error 403 (403 Forbidden) returned body",
                Trouble::Denied,
            ),
            (
                "couldn't list files: 429 Too Many Requests",
                Trouble::RateLimited,
            ),
            (
                "googleapi: Error 403: User rate limit exceeded, userRateLimitExceeded",
                Trouble::RateLimited,
            ),
            (
                "https response error StatusCode: 503, RequestID: 1, HostID: , api error SlowDown: Please reduce your request rate.",
                Trouble::RateLimited,
            ),
            (
                "too_many_requests/",
                Trouble::Other("too_many_requests/".to_owned()),
            ),
            (
                "couldn't fetch token: invalid_grant: maybe token expired? - try refreshing with \"rclone config reconnect drive:\"",
                Trouble::Expired,
            ),
            (
                "oauth2: \"invalid_grant\" \"Token has been expired or revoked.\"",
                Trouble::Expired,
            ),
        ] {
            assert_eq!(meaning(said), trouble, "{said}");
        }
    }

    #[test]
    fn names_in_messages_mean_nothing() {
        for said in [
            "Failed to create file system for \"dav:studio/footage/acme404/spot\": read metadata failed: 500",
            "Failed to create file system for \"dav:couldn't find/401/permission denied\": read metadata failed: 500",
            "Propfind \"http://127.0.0.1:21404/403 Forbidden/\": EOF",
            "failed to open \"a \\\" 403 Forbidden\": EOF",
            "open /studio/permission denied/429 Too Many Requests/x: input/output error",
            "open src/403 Forbidden/x: input/output error",
            "operation error S3: ListObjectsV2, https response error StatusCode: 500, RequestID: 401 , HostID: 403, api error InternalError: We encountered an internal error",
            "Get https://host:40443/401/connection refused/: EOF",
            "object not found",
            "404 Not Found",
            "something else",
        ] {
            assert_eq!(meaning(said), Trouble::Other(said.to_owned()), "{said}");
        }
    }
}
