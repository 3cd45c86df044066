//! The words of one command, as far as they tell whether it parses an argument again.

/// Words in front of a command that run it.
const WRAPPERS: [&str; 17] = [
    "sudo", "doas", "env", "exec", "command", "builtin", "nohup", "timeout", "time", "nice", "setsid",
    "stdbuf", "xargs", "parallel", "watch", "busybox", "find",
];

/// Words of the shell after which a command begins.
const KEYWORDS: [&str; 10] = [
    "if", "then", "elif", "else", "while", "until", "do", "{", "!", "time",
];

/// Programs that take code behind an option, and the letters of that option.
const INTERPRETERS: [(&str, &str); 18] = [
    ("SHELL", "c"),
    ("sh", "c"),
    ("bash", "c"),
    ("dash", "c"),
    ("zsh", "c"),
    ("ksh", "c"),
    ("ash", "c"),
    ("fish", "c"),
    ("python", "c"),
    ("python3", "c"),
    ("node", "ep"),
    ("deno", "e"),
    ("bun", "e"),
    ("perl", "eE"),
    ("ruby", "e"),
    ("php", "r"),
    ("lua", "e"),
    ("su", "c"),
];

/// How the words that come are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Reading {
    /// The command's name is still to come.
    #[default]
    Name,
    /// A wrapper's words, then the name.
    Wrapped,
    /// An option with code may come.
    Option(&'static str, &'static str),
    /// The next word is code.
    Code(&'static str),
    /// All words that follow are code.
    All(&'static str),
    /// The word after the next that is no option is code.
    Host,
    /// Arguments.
    Plain,
}

/// The most of a word that is kept: longer than any name or option that matters.
const WORD_CHARACTERS: usize = 64;

/// What is known of the command that a scan is in.
#[derive(Debug, Default)]
pub(super) struct Command {
    word: String,
    started: bool,
    reading: Reading,
    /// Whether a `case` was begun, whose patterns end in a bracket.
    pub(super) had_case: bool,
}

impl Command {
    /// Whether a word has begun, so that `#` is no comment.
    pub(super) fn in_word(&self) -> bool {
        self.started
    }

    /// Begins a word, or goes on with it, with something other than plain text.
    pub(super) fn continue_word(&mut self) {
        self.started = true;
    }

    pub(super) fn push(&mut self, character: char) {
        self.started = true;
        if self.word.len() < WORD_CHARACTERS {
            self.word.push(character);
        }
    }

    pub(super) fn end_command(&mut self) {
        self.end_word();
        self.reading = Reading::Name;
    }

    pub(super) fn end_word(&mut self) {
        if !std::mem::take(&mut self.started) {
            return;
        }
        let word = std::mem::take(&mut self.word);
        self.had_case |= word == "case";
        self.reading = self.reading.after(&word);
    }

    /// Names the program that parses the current word again, with the way to avoid it.
    pub(super) fn reads_again(&self) -> Option<(&'static str, &'static str)> {
        match self.reading {
            Reading::Code(name) if INTERPRETERS.iter().take(8).any(|(shell, _)| *shell == name) => {
                Some((name, "pass it as an argument: `sh -c 'echo \"$1\"' sh {{ … }}`"))
            }
            Reading::Code(name) => Some((name, "pass it as an argument, and read it in the code from there")),
            Reading::All("ssh") => Some(("ssh", "give the value to the far command on its standard input")),
            Reading::All(name) => Some((name, "run the command without it")),
            Reading::Name | Reading::Wrapped | Reading::Option(..) | Reading::Host | Reading::Plain => None,
        }
    }
}

impl Reading {
    fn after(self, word: &str) -> Reading {
        let name = word.rsplit('/').next().unwrap_or(word);
        match self {
            Reading::Code(_) | Reading::Plain if INTERPRETERS.iter().all(|(known, _)| *known != name) => {
                return Reading::Plain;
            }
            Reading::All(_) => return self,
            Reading::Host if word.starts_with('-') => return self,
            Reading::Host => return Reading::All("ssh"),
            Reading::Option(name, letters) => {
                let long = matches!(word, "--command" | "--eval" | "--print" | "--run");
                let short = word.starts_with('-')
                    && !word.starts_with("--")
                    && word.contains(|c| letters.contains(c));
                return if long || short { Reading::Code(name) } else { self };
            }
            Reading::Name | Reading::Wrapped | Reading::Code(_) | Reading::Plain => {}
        }
        if let Some((known, letters)) = INTERPRETERS.into_iter().find(|(known, _)| *known == name) {
            return Reading::Option(known, letters);
        }
        match (self, name) {
            (_, "eval") => Reading::All("eval"),
            (_, "let") => Reading::All("let"),
            (_, "trap") => Reading::Code("trap"),
            (_, "ssh") => Reading::Host,
            (Reading::Wrapped, _) => Reading::Wrapped,
            (_, name) if WRAPPERS.contains(&name) => Reading::Wrapped,
            (_, name) if KEYWORDS.contains(&name) || is_assignment(word) => Reading::Name,
            _ => Reading::Plain,
        }
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || character == '_')
    })
}
