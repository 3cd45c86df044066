//! The `.env` of a workspace, read into a map.

use std::collections::BTreeMap;

/// Stands for `$` while `dotenvy` reads: a character of the last private plane, in no real file.
///
/// `dotenvy` puts `$NAME` in from the environment of the process, also when it only reads. A
/// workspace could so write `https://its.host/$SOME_SECRET` as an address and be sent the secret.
const DOLLAR: char = '\u{10fffd}';

/// Reads a `.env`; where a name is given twice, the first counts, as in `dotenvy`. `$NAME` stays as
/// it is.
///
/// # Errors
///
/// With a message that quotes nothing of the file, since it holds secrets.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let guarded = text
        .replace("\\$", "$")
        .replace('$', DOLLAR.encode_utf8(&mut [0; 4]));
    let mut values = BTreeMap::new();
    for item in dotenvy::from_read_iter(guarded.as_bytes()) {
        let (name, value) = match item {
            Ok(pair) => pair,
            Err(dotenvy::Error::LineParse(line, _)) => {
                return Err(
                    match guarded.lines().position(|known| known.trim() == line.trim()) {
                        Some(index) => format!("line {} is not `NAME=value`", index + 1),
                        None => "a line is not `NAME=value`".to_owned(),
                    },
                );
            }
            Err(_) => return Err("it cannot be read as `NAME=value` lines".to_owned()),
        };
        values.entry(name).or_insert_with(|| value.replace(DOLLAR, "$"));
    }
    Ok(values)
}
