//! Names of variables after a `$`.

/// Returns the variable name at the beginning of these bytes, which follow a `$`, and its length in bytes with braces:
/// `NAME`, `{NAME}`, one digit, or `{12}`.
pub fn parse_variable_name(text: &[u8]) -> Option<(&str, usize)> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let (name, length) = if let Some(braced) = text.strip_prefix(b"{") {
        let end = braced.iter().position(|byte| *byte == b'}')?;
        (&braced[..end], end + 2)
    } else if text.first().is_some_and(u8::is_ascii_digit) {
        (&text[..1], 1)
    } else {
        let end = text.iter().position(|byte| !is_part(byte));
        let end = end.unwrap_or(text.len());
        (&text[..end], end)
    };
    let is_number = name.iter().all(u8::is_ascii_digit);
    let is_name = name.iter().all(is_part) && !name.first()?.is_ascii_digit();
    let name = std::str::from_utf8(name).ok()?;
    (is_number || is_name).then_some((name, length))
}
