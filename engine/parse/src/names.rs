//! When two names mean the same: spelling folded away, and the nearest of several.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A longer name is no slip of a key, and comparing costs the product of both lengths.
const MAX_LEN: usize = 64;

/// What of several names is meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Nearest {
    /// The one at this place.
    One(usize),
    /// Several are equally near.
    Several(Vec<usize>),
    None,
}

/// Letters and digits alone, in lower case and without accents: `filePath`, `file-path` and `File Path` are one name.
/// A name that has none (`+`) stays as it is.
pub(crate) fn plain(name: &str) -> String {
    let plain = if name.is_ascii() {
        name.bytes()
            .filter(u8::is_ascii_alphanumeric)
            .map(|byte| char::from(byte.to_ascii_lowercase()))
            .collect()
    } else {
        let mut folded = folded(name);
        folded.retain(char::is_alphanumeric);
        folded
    };
    if plain.is_empty() {
        name.trim().to_owned()
    } else {
        plain
    }
}

/// Lower case without accents; everything else stays.
pub(crate) fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for letter in text.nfkd().filter(|letter| !is_combining_mark(*letter)) {
        // The letters that people write in two or without their stroke, and that do not decompose.
        match letter {
            'ß' | 'ẞ' => folded.push_str("ss"),
            'æ' | 'Æ' => folded.push_str("ae"),
            'œ' | 'Œ' => folded.push_str("oe"),
            'ø' | 'Ø' => folded.push('o'),
            'ł' | 'Ł' => folded.push('l'),
            'đ' | 'Đ' | 'ð' | 'Ð' => folded.push('d'),
            'þ' | 'Þ' => folded.push_str("th"),
            'ı' => folded.push('i'),
            other => folded.extend(other.to_lowercase()),
        }
    }
    folded
}

/// Which of `candidates` was most likely meant by `written`; both are [`plain`]. At most two slips of a key, and at
/// most one in three letters: `get` is not `set`.
pub(crate) fn nearest<'a>(written: &str, candidates: impl Iterator<Item = (usize, &'a str)>) -> Nearest {
    if written.len() > MAX_LEN {
        return Nearest::None;
    }
    let length = written.chars().count();
    let mut best = usize::MAX;
    let mut found = Vec::new();
    for (index, candidate) in candidates {
        let other = candidate.chars().count();
        let most = (length.max(other) / 3).min(2);
        if candidate.len() > MAX_LEN || length.abs_diff(other) > most || length.min(other) < 4 {
            continue;
        }
        let distance = strsim::damerau_levenshtein(written, candidate);
        if distance > most || distance > best || digits_differ(written, candidate) {
            continue;
        }
        if distance < best {
            best = distance;
            found.clear();
        }
        found.push(index);
    }
    one_of(found)
}

/// The one, several or none.
pub(crate) fn one_of(found: Vec<usize>) -> Nearest {
    match found.as_slice() {
        [] => Nearest::None,
        [one] => Nearest::One(*one),
        _ => Nearest::Several(found),
    }
}

/// `line1` and `line2` are one slip apart and never the same thing.
fn digits_differ(one: &str, other: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    digits(one) != digits(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_is_folded_away() {
        for (written, same) in [
            ("filePath", "file_path"),
            ("File Path", "file-path"),
            ("URL", "url"),
            ("straße", "Strasse"),
            ("Übergröße", "ubergrosse"),
            ("dossier.créé", "dossier_cree"),
        ] {
            assert_eq!(plain(written), plain(same), "{written}");
        }
        assert_eq!(plain("+"), "+");
        assert_ne!(plain("поле"), plain("поля"));
    }

    #[test]
    fn the_nearest_name_is_found_if_there_is_one() {
        let names = ["readfile", "writefile", "line1", "line2", "get"];
        let find = |written| nearest(written, names.iter().copied().enumerate());
        assert_eq!(find("raedfile"), Nearest::One(0));
        assert_eq!(find("writefiles"), Nearest::One(1));
        assert_eq!(find("line3"), Nearest::None);
        assert_eq!(find("set"), Nearest::None, "half of a short name is no slip");
        assert_eq!(find(&"a".repeat(100_000)), Nearest::None);
        let both = ["colour", "color"];
        assert_eq!(
            nearest("colouur", both.iter().copied().enumerate()),
            Nearest::One(0),
            "the nearer of two"
        );
        let even = ["patha", "pathb"];
        assert_eq!(
            nearest("pathc", even.iter().copied().enumerate()),
            Nearest::Several(vec![0, 1])
        );
    }
}
