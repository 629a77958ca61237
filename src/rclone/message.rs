//! Classification of rclone's errors by their words, for hints and repetitions.
//!
//! Exit statuses and the fields of answers decide first, where rclone has them. A message quotes names that users chose: paths
//! and addresses. `message_text` removes these; the rest is searched for whole phrases, from the cause at the end to the
//! beginning. No phrase ever proves that something is absent: only an exit status or a field of an answer does.

use std::path::Path;

use super::message_text::{contains_any, http_status, segments, strip_object};
use crate::base::error::{ConnectionError, STORAGE_TIMEOUT_SECONDS};

/// Phrases of messages, in lower case. Dropbox adds `/...` to its reasons.
const PHRASES: &[(ConnectionError, &str)] = &[
    (
        ConnectionError::RemoteNotConfigured,
        "didn't find section in config file",
    ),
    (ConnectionError::ConnectionRefused, "connection refused"),
    (
        ConnectionError::HostKeyMismatch,
        "key mismatch|key is unknown|host key|no hostkey",
    ),
    (
        ConnectionError::HostNotFound,
        "no such host|temporary failure in name resolution",
    ),
    (
        ConnectionError::HostUnreachable,
        "network is unreachable|no route to host|host is down",
    ),
    (
        ConnectionError::RateLimited,
        "rate limit|rate exceeded|rate_limit_exceeded|ratelimitexceeded|userratelimitexceeded|sharingratelimitexceeded|\
         dailylimitexceeded|downloadquotaexceeded|requestlimitexceeded|activitylimitreached|too many requests|\
         too_many_requests|too_many_requests/.|too_many_write_operations|too_many_write_operations/.|slowdown|slow down|\
         throttling|throttledrequest|throttlingexception|please reduce your request rate",
    ),
    (
        ConnectionError::TokenExpired(None),
        "invalid_grant|couldn't fetch token|cannot fetch token|token expired|token has been expired or revoked|\
         expired_access_token|expired_access_token/.|invalid_access_token/.|empty token found",
    ),
    (
        ConnectionError::Timeout(STORAGE_TIMEOUT_SECONDS),
        "deadline exceeded|timed out|timeout",
    ),
    (
        ConnectionError::ConfigEncrypted,
        "unable to decrypt configuration|enter configuration password|password-command|config file is encrypted",
    ),
    (
        ConnectionError::AuthenticationFailed,
        "unable to authenticate|unexpected message type 51|invalidaccesskeyid|signaturedoesnotmatch|expiredtoken|\
         unauthorized|unauthorized_client|invalid_client|invalid credentials|couldn't read ssh agent|\
         failed to read private key file|nocredentialproviders",
    ),
    (
        ConnectionError::AccessDenied,
        "accessdenied|access denied|permission denied",
    ),
    (
        ConnectionError::FolderNotFound,
        "nosuchbucket|directory not found",
    ),
];

/// Classifies a message, which may be about this file or folder. The result never proves that something is absent.
pub(super) fn classify(message: &str, object: Option<&str>) -> ConnectionError {
    let segments = segments(message, object);
    for segment in segments.iter().rev() {
        let mut phrases = PHRASES.iter();
        match phrases.find(|(_, phrases)| contains_any(segment, phrases)) {
            Some((ConnectionError::TokenExpired(_), _)) => {
                return ConnectionError::TokenExpired(remote_to_reconnect(&strip_object(
                    message, object,
                )));
            }
            Some((error, _)) => return error.clone(),
            None => {}
        }
    }
    let mentions = |words| segments.iter().any(|segment| contains_any(segment, words));
    match http_status(&segments.join(": ")) {
        Some(401) => ConnectionError::AuthenticationFailed,
        // A full storage is no missing permission.
        Some(403) if mentions("storage quota|storagequotaexceeded") => {
            ConnectionError::Other(message.to_owned())
        }
        Some(403) if mentions("rate|quota") => ConnectionError::RateLimited,
        Some(403) => ConnectionError::AccessDenied,
        Some(429) => ConnectionError::RateLimited,
        Some(408 | 504) => ConnectionError::Timeout(STORAGE_TIMEOUT_SECONDS),
        _ => ConnectionError::Other(message.to_owned()),
    }
}

/// True if a message about a file means that it was written to while it was read.
pub(super) fn is_source_changing(message: &str, object: Option<&str>) -> bool {
    let segments = segments(message, object);
    let mut segments = segments.iter();
    segments.any(|segment| segment.starts_with("can't copy - source file is being updated ("))
}

/// Puts the cause before a message whose words alone do not tell what to do about the database with this root.
pub(super) fn explain(message: &str, object: Option<&str>, root: &Path) -> String {
    let cause = classify(message, object);
    match cause {
        ConnectionError::RateLimited => {
            format!("the storage limits the rate of requests: {message}")
        }
        ConnectionError::TokenExpired(_) => {
            let hint = cause.hint(&root.to_string_lossy());
            format!("the access token expired or was revoked, {hint}: {message}")
        }
        ConnectionError::AuthenticationFailed => {
            format!("the storage rejected the key, user or password: {message}")
        }
        _ => message.to_owned(),
    }
}

/// Returns the name of the remote in rclone's request to reconnect it: another one than the database's if that wraps it.
fn remote_to_reconnect(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("rclone config reconnect ")?;
    let (name, _) = rest.split_once(':')?;
    // rclone adds a digest in braces to the name of a remote with options.
    let name = name.split('{').next().unwrap_or_default();
    let is_plain = |character: char| character.is_alphanumeric() || "_-.+@".contains(character);
    (!name.is_empty() && name.chars().all(is_plain)).then(|| name.to_owned())
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
                "oauth2: \"invalid_grant\" \"Token has been expired or revoked.\"",
                ConnectionError::TokenExpired(None),
            ),
        ] {
            assert_eq!(classify(message, None), expected, "{message}");
        }
    }

    #[test]
    fn rate_limit_is_no_missing_permission() {
        for message in [
            "googleapi: Error 403: User Rate Limit Exceeded. Rate of requests for user exceed configured project quota, userRateLimitExceeded",
            "googleapi: Error 403: Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service 'drive.googleapis.com', rateLimitExceeded",
            "failed to open source object: open file failed: googleapi: Error 403: The download quota for this file has been exceeded., downloadQuotaExceeded",
            "googleapi: Error 429: The object exceeded the rate limit for object mutation operations, rateLimitExceeded",
            "too_many_requests/..",
            "Failed to copy: upload failed: too_many_write_operations/...",
            "activityLimitReached: throttledRequest: Too Many Requests",
            "HTTP error 429 (429 Too Many Requests) returned body: \"\"",
            "RequestLimitExceeded: Request limit exceeded.",
            "ThrottlingException: Rate exceeded",
            "Failed to copy: multipart upload: 503 Slow Down",
        ] {
            assert_eq!(
                classify(message, None),
                ConnectionError::RateLimited,
                "{message}"
            );
        }
        for message in [
            "googleapi: Error 403: The user does not have sufficient permissions for this file., insufficientFilePermissions",
            "HTTP error 403 (403 Forbidden) returned body: \"rate limit\"",
        ] {
            assert_eq!(
                classify(message, None),
                ConnectionError::AccessDenied,
                "{message}"
            );
        }
    }

    #[test]
    fn full_storage_is_no_rate_limit() {
        for message in [
            "googleapi: Error 403: The user's Drive storage quota has been exceeded., storageQuotaExceeded",
            "write /studio/a: disk quota exceeded",
            "503 Service Unavailable",
        ] {
            let expected = ConnectionError::Other(message.to_owned());
            assert_eq!(classify(message, None), expected, "{message}");
        }
    }

    #[test]
    fn expired_token_names_its_remote() {
        let expired =
            "couldn't fetch token: invalid_grant: maybe token expired? - try refreshing with";
        for (command, remote) in [
            ("rclone config reconnect drive:", Some("drive")),
            ("rclone config reconnect drive{Ab-1_}:", Some("drive")),
            ("rclone config reconnect a; rm -r x:", None),
            ("", None),
        ] {
            let message = format!("{expired} \"{command}\"");
            let cause = classify(&message, None);
            assert_eq!(
                cause,
                ConnectionError::TokenExpired(remote.map(str::to_owned))
            );
            let explained = explain(&message, None, Path::new("crypt,x=1:studio"));
            let hint = format!("`rclone config reconnect {}:`", remote.unwrap_or("crypt"));
            assert!(
                explained.contains(&hint) && explained.ends_with(&message),
                "{explained}"
            );
        }
        let refused =
            "couldn't fetch token: invalid_client: if you set the client_id manually, check it";
        assert_eq!(
            classify(refused, None),
            ConnectionError::AuthenticationFailed
        );
        let refused = "googleapi: Error 401: Invalid Credentials, authError";
        let explained = explain(refused, None, Path::new("drive:studio"));
        assert_eq!(
            explained,
            format!("the storage rejected the key, user or password: {refused}")
        );
    }

    #[test]
    fn path_of_a_file_is_no_cause() {
        let other = |message: &str| ConnectionError::Other(message.to_owned());
        for name in [
            "403 Forbidden rate limit exceeded.mov",
            "token expired",
            "429 Too Many Requests",
            "a: 403 Forbidden: rate limit exceeded: x.mov",
            "a: 401 Unauthorized",
            "a; 429 Too Many Requests; b",
            "a\n429 Too Many Requests\nb",
            "can't copy - source file is being updated (",
            "a: can't copy - source file is being updated (size changed from 1 to 2)",
            "oauth2: \"invalid_grant\"",
        ] {
            let object = format!("footage/acme/spot/{name}");
            for message in [
                format!(
                    "Failed to copy: failed to open source object: open /studio/{object}: input/output error"
                ),
                format!(
                    "Failed to copy: open /studio/{object}.571c4ed8.partial: no such file or directory"
                ),
                format!("error reading source directory: {object}: EOF"),
            ] {
                assert_eq!(classify(&message, Some(&object)), other(&message));
                assert!(!is_source_changing(&message, Some(&object)), "{message}");
            }
            let message = format!("open /studio/{object}: input/output error");
            assert_eq!(classify(&message, None), other(&message));
            let message = format!("error listing /studio/{name}: EOF");
            assert_eq!(classify(&message, Some(name)), other(&message));
            let message = format!("open /studio/{object}: 429 Too Many Requests");
            assert_eq!(
                classify(&message, Some(&object)),
                ConnectionError::RateLimited
            );
        }
    }

    #[test]
    fn file_written_to_is_recognized() {
        for message in [
            "Failed to copy: can't copy - source file is being updated (size changed from 5 to 10)",
            "Failed to copy: Put \"http://nas/footage/a\": can't copy - source file is being updated (mod time changed from 2026-01-01 10:00:00 to 2026-01-01 10:00:01)",
            "Failed to copy: multipart upload: can't copy - source file is being updated (size changed from 5 to 10)",
        ] {
            assert!(is_source_changing(message, Some("footage/a")), "{message}");
        }
        assert!(!is_source_changing("Failed to copy: EOF", None));
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
                classify(message, None),
                ConnectionError::Other(message.to_owned()),
                "{message}"
            );
        }
    }
}
