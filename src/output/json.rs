//! One JSON document a command, on one line.

use serde::Serialize;

use super::answer::Answer;

/// `{"command": ..., ...}`.
#[derive(Serialize)]
struct Document<'a, A> {
    command: &'static str,
    #[serde(flatten)]
    answer: &'a A,
}

/// The answer as one line.
pub(super) fn line<A: Answer>(answer: &A) -> std::io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(&Document {
        command: A::COMMAND,
        answer,
    })?;
    text.push(b'\n');
    Ok(text)
}
