//! Classification of rclone's messages, for hints and retries.
//!
//! The exit status decides first. A message quotes names that users chose: paths, addresses, request numbers. These are removed
//! before the rest is searched for whole phrases, from the cause at the end to the beginning. No phrase ever proves that
//! something is absent: only an exit status or a field of an answer does.

use crate::base::error::{
    ConnectionError, EXIT_DIRECTORY_NOT_FOUND, EXIT_FILE_NOT_FOUND, STORAGE_TIMEOUT_SECONDS,
};

impl ConnectionError {
    /// Classifies a message. The result never proves that something is absent.
    pub fn from_message(message: &str) -> Self {
        classify(message)
    }

    /// Classifies the end of an rclone process by its exit status, then by its message.
    pub fn from_exit(status: Option<i32>, message: &str) -> Self {
        match status {
            Some(EXIT_DIRECTORY_NOT_FOUND | EXIT_FILE_NOT_FOUND) => Self::FolderNotFound,
            _ => classify(message),
        }
    }
}

/// Phrases of messages, in lower case.
const PHRASES: &[(ConnectionError, &[&str])] = &[
    (
        ConnectionError::RemoteNotConfigured,
        &["didn't find section in config file"],
    ),
    (ConnectionError::ConnectionRefused, &["connection refused"]),
    (
        ConnectionError::HostKeyMismatch,
        &["key mismatch", "key is unknown", "host key", "no hostkey"],
    ),
    (
        ConnectionError::HostNotFound,
        &["no such host", "temporary failure in name resolution"],
    ),
    (
        ConnectionError::HostUnreachable,
        &["network is unreachable", "no route to host", "host is down"],
    ),
    (
        ConnectionError::RateLimited,
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
        ConnectionError::TokenExpired,
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
        ConnectionError::Timeout(STORAGE_TIMEOUT_SECONDS),
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
        ConnectionError::ConfigEncrypted,
        &[
            "unable to decrypt configuration",
            "enter configuration password",
            "password-command",
            "config file is encrypted",
        ],
    ),
    (
        ConnectionError::AuthenticationFailed,
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
        ConnectionError::AccessDenied,
        &["accessdenied", "access denied", "permission denied"],
    ),
    (
        ConnectionError::FolderNotFound,
        &["nosuchbucket", "directory not found"],
    ),
];

/// Words that precede an HTTP status.
const STATUS_PREFIXES: &[&str] = &["error", "statuscode:", "code:", "code", "status", "http"];

/// Beginnings of segments that continue with an unquoted path.
const PATH_OPERATIONS: &[&str] = &[
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

fn classify(message: &str) -> ConnectionError {
    // Newer versions of rclone quote the answer of the token server.
    if message.contains("oauth2: \"invalid_grant\"") {
        return ConnectionError::TokenExpired;
    }
    let text = strip_names(message).to_lowercase();
    let segments = text.split([':', '\n', ';']).map(str::trim);
    let segments: Vec<&str> = segments
        .filter(|segment| !is_path_operation(segment))
        .collect();
    for segment in segments.iter().rev() {
        for (error, phrases) in PHRASES {
            if phrases
                .iter()
                .any(|phrase| contains_phrase(segment, phrase))
            {
                return error.clone();
            }
        }
    }
    match http_status(&segments.join(": ")) {
        Some(401) => ConnectionError::AuthenticationFailed,
        Some(403) => ConnectionError::AccessDenied,
        Some(429) => ConnectionError::RateLimited,
        Some(408 | 504) => ConnectionError::Timeout(STORAGE_TIMEOUT_SECONDS),
        _ => ConnectionError::Other(message.to_owned()),
    }
}

fn is_path_operation(segment: &str) -> bool {
    PATH_OPERATIONS.iter().any(|verb| segment.starts_with(verb))
}

/// True if a text contains a phrase that no letter, digit or slash adjoins.
fn contains_phrase(text: &str, phrase: &str) -> bool {
    let is_boundary = |character: Option<char>| {
        character.is_none_or(|character| !character.is_alphanumeric() && character != '/')
    };
    text.match_indices(phrase).any(|(at, _)| {
        is_boundary(text[..at].chars().next_back())
            && is_boundary(text[at + phrase.len()..].chars().next())
    })
}

/// Returns the HTTP status in a message: three digits after a word like `status`, or before the reason phrase.
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
        let is_status = before.is_some_and(|word| STATUS_PREFIXES.contains(word))
            || after.is_some_and(|word| REASONS.contains(word));
        (is_number && is_status).then(|| number.parse().ok())?
    })
}

/// Removes names from a message: quoted text, addresses, paths, and the ids of requests and hosts.
fn strip_names(message: &str) -> String {
    let unquoted = strip_quoted(message);
    let mut kept = String::with_capacity(unquoted.len());
    let mut is_in_path = false;
    let mut is_id = false;
    for word in unquoted.split_inclusive(' ') {
        let bare = word.trim();
        let begins_path = bare.starts_with(['/', '~']) || bare.starts_with("./");
        is_in_path |= begins_path;
        let is_name = is_in_path || is_id || bare.contains("://");
        // A path ends at the colon before the cause.
        if is_in_path && bare.ends_with(':') {
            is_in_path = false;
        }
        let lower = bare.to_ascii_lowercase();
        is_id = matches!(lower.as_str(), "requestid:" | "hostid:")
            || (lower == "id:" && kept.trim_end().ends_with(['t', 'T']));
        if is_name {
            kept.push_str(if bare.ends_with(':') { ": " } else { " " });
        } else {
            kept.push_str(word);
        }
    }
    kept
}

/// Removes text in double quotes or backquotes.
fn strip_quoted(message: &str) -> String {
    let mut kept = String::with_capacity(message.len());
    let mut characters = message.chars();
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
    fn messages_are_classified() {
        for (message, expected) in [
            (
                "NewFs: couldn't connect SSH: dial tcp 127.0.0.1:22999: connect: connection refused",
                ConnectionError::ConnectionRefused,
            ),
            (
                "didn't find section in config file (\"nosuch\")",
                ConnectionError::RemoteNotConfigured,
            ),
            (
                "NewFs: couldn't connect SSH: ssh: handshake failed: knownhosts: key mismatch",
                ConnectionError::HostKeyMismatch,
            ),
            (
                "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none password]",
                ConnectionError::AuthenticationFailed,
            ),
            (
                "https response error StatusCode: 403, RequestID: 1, HostID: , api error InvalidAccessKeyId: The Access Key",
                ConnectionError::AuthenticationFailed,
            ),
            (
                "operation error S3: ListObjectsV2, https response error StatusCode: 403, RequestID: A404, HostID: x, api error AccessDenied: Access Denied",
                ConnectionError::AccessDenied,
            ),
            (
                "dial tcp: lookup no.such.host.invalid on 10.0.0.1:53: no such host",
                ConnectionError::HostNotFound,
            ),
            (
                "dial tcp 10.0.0.9:22: i/o timeout",
                ConnectionError::Timeout(20),
            ),
            (
                "Propfind \"http://10.0.0.9/\": net/http: timeout awaiting response headers",
                ConnectionError::Timeout(20),
            ),
            (
                "read metadata failed: 401 Unauthorized",
                ConnectionError::AuthenticationFailed,
            ),
            (
                "Unauthorized: HTTP Error 401",
                ConnectionError::AuthenticationFailed,
            ),
            (
                "HTTP error 403 (403 Forbidden) returned body",
                ConnectionError::AccessDenied,
            ),
            (
                "couldn't list files: 429 Too Many Requests",
                ConnectionError::RateLimited,
            ),
            (
                "googleapi: Error 403: User rate limit exceeded, userRateLimitExceeded",
                ConnectionError::RateLimited,
            ),
            (
                "https response error StatusCode: 503, RequestID: 1, HostID: , api error SlowDown: Please reduce your request rate.",
                ConnectionError::RateLimited,
            ),
            (
                "too_many_requests/",
                ConnectionError::Other("too_many_requests/".to_owned()),
            ),
            (
                "couldn't fetch token: invalid_grant: maybe token expired? - try refreshing with \"rclone config reconnect drive:\"",
                ConnectionError::TokenExpired,
            ),
            (
                "oauth2: \"invalid_grant\" \"Token has been expired or revoked.\"",
                ConnectionError::TokenExpired,
            ),
        ] {
            assert_eq!(classify(message), expected, "{message}");
        }
    }

    #[test]
    fn names_in_messages_are_ignored() {
        for message in [
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
            assert_eq!(
                classify(message),
                ConnectionError::Other(message.to_owned()),
                "{message}"
            );
        }
    }
}
