//! Comments of the template in a shell line: `{# … #}`.

use std::borrow::Cow;
use std::ops::Range;

use super::{Problem, Severity};

/// Where bytes were taken out of a line.
#[derive(Debug, Default)]
pub(super) struct Cuts(Vec<Cut>);

#[derive(Debug)]
struct Cut {
    /// Where, in the line that is left.
    at: usize,
    /// How many bytes were taken out up to there.
    bytes: usize,
}

impl Cuts {
    /// Where bytes of the line that is left stood in the line as it was written.
    pub(super) fn place(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.before(range.start);
        let end = match range.end.checked_sub(1) {
            Some(last) if last >= range.start => self.before(last) + 1,
            _ => start,
        };
        start..end
    }

    fn before(&self, at: usize) -> usize {
        let cuts = self.0.partition_point(|cut| cut.at <= at);
        let cut = cuts.checked_sub(1).and_then(|last| self.0.get(last));
        at + cut.map_or(0, |cut| cut.bytes)
    }
}

/// Takes the comments out. What looks like one inside a `{{ … }}` is none.
pub(super) fn take_out(line: &str) -> (Cow<'_, str>, Cuts, Vec<Problem>) {
    let mut cuts = Cuts::default();
    let mut problems = Vec::new();
    if !line.contains("{#") {
        return (Cow::Borrowed(line), cuts, problems);
    }
    let mut left = String::with_capacity(line.len());
    let (mut taken, mut at) = (0, 0);
    let rest = |at: usize| line.get(at..).unwrap_or_default();
    while let Some(brace) = rest(at).find('{') {
        at += brace;
        if rest(at).starts_with("{{") {
            match crate::template::tag_end(line, at) {
                Ok(end) => at = end,
                // Nothing behind it can be read.
                Err(_) => break,
            }
            continue;
        }
        let Some((length, blanks_after)) = comment(rest(at)) else {
            at += 1;
            continue;
        };
        left.push_str(line.get(taken..at).unwrap_or_default());
        if left.ends_with('$') {
            // `${#a} ${b#}`: taken out, it would be another command, and nobody would see why.
            problems.push(Problem {
                severity: Severity::Error,
                message: "`{#` begins a comment of the template here, up to the next `#}`".to_owned(),
                span: at..at + length,
                help: Some(crate::template::SHELL_LENGTH.to_owned()),
            });
        }
        if rest(at).starts_with("{#-") {
            left.truncate(left.trim_end().len());
        }
        at += length;
        if blanks_after {
            at += rest(at).len() - rest(at).trim_start().len();
        }
        taken = at;
        // A comment that takes blanks before it may reach back to the one before.
        while cuts.0.last().is_some_and(|cut| cut.at >= left.len()) {
            cuts.0.pop();
        }
        cuts.0.push(Cut {
            at: left.len(),
            bytes: at - left.len(),
        });
    }
    left.push_str(rest(taken));
    (Cow::Owned(left), cuts, problems)
}

/// The length of the comment that a text begins with, and whether it takes the blanks behind it.
fn comment(text: &str) -> Option<(usize, bool)> {
    let inner = text.strip_prefix("{#")?;
    // The `-` of `{#-#}` is that of the beginning.
    let signs = usize::from(inner.starts_with(['-', '+']));
    let inner = inner.get(signs..)?;
    let end = inner.find("#}")?;
    Some((2 + signs + end + 2, inner.get(..end)?.ends_with('-')))
}
