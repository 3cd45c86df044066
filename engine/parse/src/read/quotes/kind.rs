//! The kinds of quotes that models use, and how each opens and closes.

/// The kind of a string's quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::read) enum Quote {
    Double,
    Single,
    Backtick,
    /// “…”, „…“, «…».
    SmartDouble,
    /// ‘…’, ‚…‘, ´…´.
    SmartSingle,
    /// `"""…"""`.
    TripleDouble,
    /// `'''…'''`.
    TripleSingle,
    /// `""word""`: every quote was doubled.
    DoubledDouble,
    /// `''word''`.
    DoubledSingle,
}

impl Quote {
    /// The quote that opens at `at`, and its length; a doubled or tripled one as such.
    pub(in crate::read) fn opening(source: &str, at: usize, end: usize) -> Option<(Self, usize)> {
        let bytes = source.as_bytes();
        let byte = |at: usize| {
            if at < end {
                bytes.get(at).copied().unwrap_or(0)
            } else {
                0
            }
        };
        let plain = |quote: u8, single: Self, triple: Self, doubled: Self| {
            if byte(at + 1) != quote {
                return (single, 1);
            }
            if byte(at + 2) == quote {
                return (triple, 3);
            }
            // An empty string is followed by a delimiter, a doubled quote by text.
            let text = byte(at + 2).is_ascii_alphanumeric() || byte(at + 2) >= 0x80;
            if text { (doubled, 2) } else { (single, 1) }
        };
        match byte(at) {
            b'"' => Some(plain(b'"', Self::Double, Self::TripleDouble, Self::DoubledDouble)),
            b'\'' => Some(plain(
                b'\'',
                Self::Single,
                Self::TripleSingle,
                Self::DoubledSingle,
            )),
            b'`' => Some((Self::Backtick, 1)),
            other if other >= 0x80 => match source.get(at..end)?.chars().next()? {
                letter @ ('“' | '”' | '„' | '«') => Some((Self::SmartDouble, letter.len_utf8())),
                letter @ ('‘' | '’' | '‚' | '´') => Some((Self::SmartSingle, letter.len_utf8())),
                _ => None,
            },
            _ => None,
        }
    }

    /// The length of the closing quote at `at`, if one stands there.
    pub(super) fn closing(self, source: &str, bytes: &[u8], at: usize) -> Option<usize> {
        let byte = *bytes.get(at)?;
        let starts = |word: &str| {
            bytes
                .get(at..)
                .is_some_and(|rest| rest.starts_with(word.as_bytes()))
        };
        match self {
            Self::Double => (byte == b'"').then_some(1),
            Self::Single => (byte == b'\'').then_some(1),
            Self::Backtick => match byte {
                b'`' => Some(1),
                0xc2 if starts("´") => Some(2),
                _ => None,
            },
            Self::TripleDouble => starts("\"\"\"").then_some(3),
            Self::TripleSingle => starts("'''").then_some(3),
            Self::DoubledDouble => (byte == b'"').then(|| if starts("\"\"") { 2 } else { 1 }),
            Self::DoubledSingle => (byte == b'\'').then(|| if starts("''") { 2 } else { 1 }),
            Self::SmartDouble if byte == b'"' => Some(1),
            Self::SmartSingle if byte == b'\'' => Some(1),
            Self::SmartDouble | Self::SmartSingle if byte < 0x80 => None,
            Self::SmartDouble => {
                let letter = source.get(at..)?.chars().next()?;
                matches!(letter, '”' | '“' | '»').then(|| letter.len_utf8())
            }
            Self::SmartSingle => {
                let letter = source.get(at..)?.chars().next()?;
                matches!(letter, '’' | '‘' | '´').then(|| letter.len_utf8())
            }
        }
    }

    pub(super) fn is_single(self) -> bool {
        matches!(self, Self::Single | Self::SmartSingle | Self::DoubledSingle)
    }
}
