//! Parts of a redirection: `| PROGRAM ARGUMENTS`, `> FILE`, `>> FILE`.

/// Part of a redirection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shell) enum RedirectPart {
    Program,
    ProgramArgument,
    File,
    /// Nothing may follow the file.
    End,
}

impl RedirectPart {
    /// Returns the part that an operator begins: `|`, `>` or `>>`, with or without text attached.
    pub(super) const fn after_operator(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"|" => Self::Program,
            [b'|', ..] => Self::ProgramArgument,
            b">" | b">>" => Self::File,
            [b'>', ..] => Self::End,
            _ => return None,
        })
    }

    /// Returns the part after a word of this one.
    pub(super) const fn next(self) -> Self {
        match self {
            Self::Program | Self::ProgramArgument => Self::ProgramArgument,
            Self::File | Self::End => Self::End,
        }
    }
}
