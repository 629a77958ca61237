//! The texts that every match of a pattern has, by which the name index finds the folders to read.

use crate::index::QueryText;

/// Number of braces, and of alternatives in them, up to which a pattern is taken apart.
const MAX_ALTERNATIVES: usize = 64;

/// Returns the texts that occur in each match of a glob, for each alternative in its braces. `None` if there are too many.
pub(super) fn glob_texts(glob: &str, matches_paths: bool) -> Option<Vec<Vec<QueryText>>> {
    if glob.matches('{').count() > MAX_ALTERNATIVES {
        return None;
    }
    let mut alternatives = Vec::new();
    expand(glob, &mut alternatives)?;
    let texts = alternatives.iter().map(|alternative| {
        let tokens: Vec<Token> = Tokens::new(alternative).map(|(_, token)| token).collect();
        let (folders, name) = if matches_paths {
            split_path(&tokens)
        } else {
            (&[][..], &tokens[..])
        };
        let folders = runs(folders).into_iter().map(QueryText::Folder);
        folders
            .chain(runs(name).into_iter().map(QueryText::Name))
            .collect()
    });
    Some(texts.collect())
}

/// Returns the texts that occur in each match of a part of a name or, with a slash, of a path.
pub(super) fn part_texts(part: &str) -> Vec<Vec<QueryText>> {
    let text = match part.rsplit_once('/') {
        // The letters behind the last slash begin the name of a file or of another folder.
        Some((folders, _)) => QueryText::Folder(format!("{folders}/")),
        None => QueryText::Name(part.to_owned()),
    };
    vec![vec![text]]
}

/// Adds the glob with each combination of its alternatives in braces. `None` if there are too many.
fn expand(glob: &str, alternatives: &mut Vec<String>) -> Option<()> {
    let Some((before, choices, after)) = first_braces(glob) else {
        alternatives.push(glob.to_owned());
        return (alternatives.len() <= MAX_ALTERNATIVES).then_some(());
    };
    choices
        .iter()
        .try_for_each(|choice| expand(&format!("{before}{choice}{after}"), alternatives))
}

/// Returns the text before the first braces, the choices in them, and the text after them. Braces in brackets are letters.
fn first_braces(glob: &str) -> Option<(&str, Vec<&str>, &str)> {
    let mut tokens = Tokens::new(glob);
    let (start, _) = tokens.find(|(_, token)| *token == Token::Special('{'))?;
    let (mut depth, mut choice, mut choices) = (0, start + 1, Vec::new());
    for (place, token) in tokens {
        match token {
            Token::Special('{') => depth += 1,
            Token::Special(',') if depth == 0 => {
                choices.push(&glob[choice..place]);
                choice = place + 1;
            }
            Token::Special('}') if depth == 0 => {
                choices.push(&glob[choice..place]);
                return Some((&glob[..start], choices, &glob[place + 1..]));
            }
            Token::Special('}') => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Splits a path without braces into the tokens up to its last slash, and those that belong to the name in each match. A class
/// may be a slash too; the letters between the last slash and a class are on neither side.
fn split_path(tokens: &[Token]) -> (&[Token], &[Token]) {
    let behind_last = |wanted| {
        tokens
            .iter()
            .rposition(|token| *token == wanted)
            .map_or(0, |place| place + 1)
    };
    let slash = behind_last(Token::Letter('/'));
    (
        &tokens[..slash],
        &tokens[slash.max(behind_last(Token::Class))..],
    )
}

/// Returns the letters between the wildcards of a glob without braces. The slash of `**/` is none: it may match nothing.
fn runs(tokens: &[Token]) -> Vec<String> {
    const ANY: [Token; 2] = [Token::Special('*'); 2];
    let mut runs = vec![String::new()];
    for (place, token) in tokens.iter().enumerate() {
        match (token, runs.last_mut()) {
            (Token::Letter('/'), _) if tokens[..place].ends_with(&ANY) => {}
            (Token::Letter(letter) | Token::Special(letter @ (',' | '}')), Some(run)) => {
                run.push(*letter);
            }
            _ => runs.push(String::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// A part of a glob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Letter(char),
    /// A wildcard, a brace or a comma.
    Special(char),
    /// Letters in brackets.
    Class,
}

/// The tokens of a glob, with their positions.
struct Tokens<'a> {
    glob: &'a str,
    place: usize,
}

impl<'a> Tokens<'a> {
    const fn new(glob: &'a str) -> Self {
        Self { glob, place: 0 }
    }

    /// Returns the position behind a class that begins here.
    fn class_end(&self, start: usize) -> Option<usize> {
        let inside = &self.glob[start + 1..];
        let negation = usize::from(inside.starts_with(['!', '^']));
        // A bracket right at the start is a letter of the class.
        let first = inside[negation..].chars().next()?.len_utf8();
        let end = inside[negation + first..].find(']')?;
        Some(start + 1 + negation + first + end + 1)
    }
}

impl Iterator for Tokens<'_> {
    type Item = (usize, Token);

    fn next(&mut self) -> Option<(usize, Token)> {
        let start = self.place;
        let mut rest = self.glob[start..].chars();
        let letter = rest.next()?;
        self.place += letter.len_utf8();
        let token = match letter {
            '\\' => {
                let escaped = rest.next()?;
                self.place += escaped.len_utf8();
                Token::Letter(escaped)
            }
            '[' => {
                self.place = self.class_end(start).unwrap_or(self.glob.len());
                Token::Class
            }
            '*' | '?' | '{' | '}' | ',' => Token::Special(letter),
            _ => Token::Letter(letter),
        };
        Some((start, token))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::unicode::search_key;
    use crate::commands::pattern::Pattern;

    /// The texts of a glob: those of names as they are, those of folders before a `|`.
    fn texts(glob: &str) -> Vec<Vec<String>> {
        let texts = glob_texts(glob, glob.contains('/')).unwrap();
        let text = |text: QueryText| match text {
            QueryText::Name(text) => text,
            QueryText::Folder(text) => format!("{text}|"),
        };
        texts
            .into_iter()
            .map(|texts| texts.into_iter().map(text).collect())
            .collect()
    }

    #[test]
    fn letters_between_wildcards_are_texts() {
        for (glob, expected) in [
            ("*.mov", &[".mov"][..]),
            ("sh0[12]*_v??3.exr", &["sh0", "_v", "3.exr"]),
            ("a[]x]b[!]]c", &["a", "b", "c"]),
            (r"a\*b\[c", &["a*b[c"]),
            ("**", &[]),
            ("a,b}", &["a,b}"]),
            ("acme/*/plates/*.exr", &["acme/|", "/plates/|", ".exr"]),
            ("acme/**", &["acme/|"]),
            ("**/acme/**/a*.mov", &["acme/|", "a", ".mov"]),
            ("acme/spot[!x]reel.mov", &["acme/|", "reel.mov"]),
            (r"acme\/a[/]b", &["acme/|", "b"]),
        ] {
            assert_eq!(texts(glob), [expected], "{glob}");
        }
    }

    #[test]
    fn braces_are_alternatives() {
        assert_eq!(texts("*.{mov,mxf}"), [[".mov"], [".mxf"]]);
        assert_eq!(texts("{a,{b,c}d}e"), [["ae"], ["bde"], ["cde"]]);
        assert_eq!(texts("x{,y}"), [["x"], ["xy"]]);
        assert_eq!(texts("[{,}]a{b,c}"), [["ab"], ["ac"]]);
        assert_eq!(texts(r"\{a,b\}"), [["{a,b}"]]);
    }

    #[test]
    fn many_alternatives_are_not_taken_apart() {
        assert_eq!(glob_texts(&"{a,b}".repeat(20), false), None);
        assert_eq!(glob_texts(&"{a}".repeat(20_000), false), None);
    }

    /// A path, and a pattern made of it that most often matches: letters become wildcards, other spellings or alternatives.
    fn path_and_pattern() -> impl Strategy<Value = (String, String)> {
        let path = "[abs]{1,2}(/[abs\u{e9}\u{3bc}]{1,4}){2,4}";
        let edits = proptest::collection::vec(0..40_u8, 32);
        (path, edits, 0..4_u8).prop_map(|(path, edits, start)| {
            let mut pattern = if start == 0 { "**/" } else { "" }.to_owned();
            for (letter, edit) in path.chars().zip(edits) {
                match (edit, letter) {
                    (0, '/') => pattern.push_str("/**/"),
                    (0, _) => pattern.push('?'),
                    (1, '/') => pattern.push_str("[!x]"),
                    (1, _) => pattern.push('*'),
                    (2, '/') => pattern.push_str("[+-9]"),
                    (2, _) => pattern.push_str("[a-\u{3c9}]"),
                    (3, letter) => pattern.extend(["{", letter.encode_utf8(&mut [0; 4]), ",x/y}"]),
                    (4, 's') => pattern.push('\u{17f}'),
                    (4, '\u{3bc}') => pattern.push('\u{b5}'),
                    (4, '\u{e9}') => pattern.push_str("e\u{301}"),
                    (_, letter) => pattern.push(letter),
                }
            }
            (path, pattern)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn each_match_has_the_texts((path, pattern) in path_and_pattern()) {
            let Ok(parsed) = Pattern::parse(&pattern, false) else {
                return Ok(());
            };
            let (folder, name) = path.rsplit_once('/').unwrap();
            let folder = format!("{folder}/");
            let subject = if parsed.matches_paths() { &path } else { name };
            let texts = if parsed.is_glob() {
                glob_texts(&pattern, parsed.matches_paths())
            } else {
                Some(part_texts(&pattern))
            };
            let has = |text: &QueryText| match text {
                QueryText::Name(text) => search_key(name).contains(&*search_key(text)),
                QueryText::Folder(text) => search_key(&folder).contains(&*search_key(text)),
            };
            let has_all = |texts: &Vec<QueryText>| texts.iter().all(has);
            if parsed.matches(subject.as_bytes()) {
                prop_assert!(texts.iter().flatten().any(has_all), "{pattern} {path} {texts:?}");
            }
        }
    }

    #[test]
    fn part_of_a_path_is_in_folder_or_name() {
        assert_eq!(part_texts("reel"), [[QueryText::Name("reel".into())]]);
        assert_eq!(part_texts("e/spot"), [[QueryText::Folder("e/".into())]]);
    }
}
