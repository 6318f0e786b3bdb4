//! Decodes the ways in which SQL writes strings and names.

use super::lexer::TokenKind;

/// Returns what a string token says; `None` where an escape in it is not valid.
pub(super) fn decode_text(kind: TokenKind, written: &str) -> Option<String> {
    match kind {
        TokenKind::Text => {
            let written = written.strip_prefix(['N', 'n']).unwrap_or(written);
            Some(pieces(written)?.concat().replace("''", "'"))
        }
        TokenKind::EscapeText => decode_escapes(&pieces_with_escapes(&written[1..])?),
        TokenKind::UnicodeText => decode_unicode(&pieces(&written[2..])?.concat().replace("''", "'")),
        TokenKind::DollarText => {
            let tag = written[1..].find('$')? + 2;
            written.get(tag..written.len().checked_sub(tag)?).map(str::to_owned)
        }
        _ => None,
    }
}

/// Returns the name that `U&"…"` stands for.
pub(super) fn decode_unicode_ident(written: &str) -> Option<String> {
    let inner = written.get(3..written.len().checked_sub(1)?)?;
    decode_unicode(&inner.replace("\"\"", "\""))
}

/// Splits `'a'` and what follows it on later lines into the insides, doubled quotes left as they are.
fn pieces(written: &str) -> Option<Vec<&str>> {
    // The common case: one piece.
    if !written.contains('\n') && !written.contains('\r') {
        return Some(vec![written.get(1..written.len().checked_sub(1)?)?]);
    }
    split_pieces(written, false)
}

fn pieces_with_escapes(written: &str) -> Option<String> {
    Some(split_pieces(written, true)?.concat())
}

fn split_pieces(written: &str, escapes: bool) -> Option<Vec<&str>> {
    let bytes = written.as_bytes();
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\'' => {
                let start = at + 1;
                at = start;
                loop {
                    match *bytes.get(at)? {
                        b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
                        b'\'' => break,
                        b'\\' if escapes => at += 2,
                        _ => at += 1,
                    }
                }
                pieces.push(&written[start..at]);
                at += 1;
            }
            // A comment between two pieces.
            b'-' => {
                while at < bytes.len() && bytes[at] != b'\n' && bytes[at] != b'\r' {
                    at += 1;
                }
            }
            _ => at += 1,
        }
    }
    Some(pieces)
}

/// Source: manual, "String Constants with C-Style Escapes".
fn decode_escapes(inner: &str) -> Option<String> {
    let mut bytes: Vec<u8> = Vec::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    let mut high_surrogate = None;
    while let Some(c) = chars.next() {
        if c == '\'' {
            chars.next_if_eq(&'\'');
        }
        if c != '\\' {
            if high_surrogate.is_some() {
                return None;
            }
            bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        let escape = chars.next()?;
        let mut digits = |most: usize, radix: u32, first: Option<char>| {
            let mut text: String = first.into_iter().collect();
            while text.len() < most
                && let Some(digit) = chars.next_if(|c| c.is_digit(radix))
            {
                text.push(digit);
            }
            (text.len(), u32::from_str_radix(&text, radix).ok())
        };
        let byte = match escape {
            'b' => 8,
            'f' => 12,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            // The server keeps the low eight bits of three octal digits.
            '0'..='7' => u8::try_from(digits(3, 8, Some(escape)).1? & 0xff).ok()?,
            'x' => match digits(2, 16, None) {
                (0, _) => b'x',
                (_, value) => u8::try_from(value?).ok()?,
            },
            'u' | 'U' => {
                let width = if escape == 'u' { 4 } else { 8 };
                let (length, value) = digits(width, 16, None);
                if length != width {
                    return None;
                }
                if let Some(c) = join_surrogates(&mut high_surrogate, value?)? {
                    bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
                }
                continue;
            }
            other => {
                bytes.extend(other.encode_utf8(&mut [0; 4]).bytes());
                continue;
            }
        };
        if byte == 0 || high_surrogate.is_some() {
            return None;
        }
        bytes.push(byte);
    }
    if high_surrogate.is_some() { None } else { String::from_utf8(bytes).ok() }
}

/// Source: manual, "String Constants with Unicode Escapes".
fn decode_unicode(inner: &str) -> Option<String> {
    let mut decoded = String::with_capacity(inner.len());
    let mut rest = inner;
    let mut high_surrogate = None;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c == '\\' && !rest.starts_with('\\') {
            let (digits, after) = match rest.strip_prefix('+') {
                Some(long) => (long.get(..6)?, long.get(6..)?),
                None => (rest.get(..4)?, rest.get(4..)?),
            };
            if let Some(c) = join_surrogates(&mut high_surrogate, u32::from_str_radix(digits, 16).ok()?)? {
                decoded.push(c);
            }
            rest = after;
            continue;
        }
        if high_surrogate.is_some() {
            return None;
        }
        if c == '\\' {
            rest = &rest[1..];
        }
        decoded.push(c);
    }
    if high_surrogate.is_some() { None } else { Some(decoded) }
}

/// Joins two UTF-16 halves; the first of them gives no character yet.
#[expect(clippy::option_option, reason = "an invalid escape, half a character and a character are three things")]
fn join_surrogates(high: &mut Option<u32>, value: u32) -> Option<Option<char>> {
    match (high.take(), value) {
        (None, 0xd800..=0xdbff) => {
            *high = Some(value);
            Some(None)
        }
        (Some(first), 0xdc00..=0xdfff) => {
            char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (value - 0xdc00)).map(Some)
        }
        (None, 1..) => char::from_u32(value).map(Some),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_decoded_as_the_server_decodes_them() {
        for (kind, written, expected) in [
            (TokenKind::Text, "'it''s'", Some("it's")),
            (TokenKind::Text, "'a'\n  'b' -- c\n 'd'", Some("abd")),
            (TokenKind::Text, "'a\\n'", Some("a\\n")),
            (TokenKind::EscapeText, "E'a\\n\\'b\\x41\\101\\u00e9\\\\'", Some("a\n'bAAé\\")),
            (TokenKind::EscapeText, "E'it''s'", Some("it's")),
            (TokenKind::EscapeText, "E'\\uD83D\\uDE00'", Some("😀")),
            (TokenKind::EscapeText, "E'\\uD83D'", None),
            (TokenKind::EscapeText, "E'\\0'", None),
            (TokenKind::UnicodeText, "U&'d\\0061t\\+000061'", Some("data")),
            (TokenKind::UnicodeText, "U&'\\00'", None),
            (TokenKind::DollarText, "$$it's$$", Some("it's")),
            (TokenKind::DollarText, "$x$ $$ $x$", Some(" $$ ")),
        ] {
            assert_eq!(decode_text(kind, written).as_deref(), expected, "{written}");
        }
        assert_eq!(decode_unicode_ident("U&\"d\\0061ta\"").as_deref(), Some("data"));
    }
}
