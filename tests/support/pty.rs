//! A terminal to run the command in, and what a person would see on it.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use unicode_width::UnicodeWidthChar as _;

use super::{Sandbox, wait_until};

const ROWS: usize = 24;

/// The command in a terminal of its own: `script` of util-linux makes one.
pub(crate) struct Pty {
    child: Child,
    keyboard: ChildStdin,
    output: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
    columns: usize,
}

impl Pty {
    /// Starts the command in a terminal of so many columns.
    pub(crate) fn start(sandbox: &Sandbox, columns: usize, arguments: &[&str], term: &str) -> Self {
        let command = sandbox.command(arguments);
        let mut line = format!(
            "stty cols {columns} rows {ROWS}; exec '{}'",
            command.get_program().to_string_lossy()
        );
        for argument in arguments {
            line.push_str(&format!(" '{argument}'"));
        }
        let mut script = Command::new("script");
        script
            .args(["-qec", &line, "/dev/null"])
            .current_dir(sandbox.path())
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        let mut child = script.env("TERM", term).spawn().unwrap();
        let keyboard = child.stdin.take().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let output = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&output);
        let reader = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut piece) {
                kept.lock().unwrap().extend_from_slice(&piece[..length]);
            }
        });
        Self {
            child,
            keyboard,
            output,
            reader,
            columns,
        }
    }

    /// Presses keys; `\x03` is Ctrl-C.
    pub(crate) fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Everything that was written to the terminal so far.
    pub(crate) fn written(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap()).into_owned()
    }

    /// Waits until a text was written.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        wait_until(|| self.written().contains(text));
    }

    /// Waits for the end: the exit code, and what stands on the screen then.
    ///
    /// The keyboard stays plugged in until then, so that no end of input answers a question.
    pub(crate) fn ends(mut self) -> (Option<i32>, Seen) {
        let code = self.child.wait().unwrap().code();
        drop(self.keyboard);
        self.reader.join().unwrap();
        let written = String::from_utf8_lossy(&self.output.lock().unwrap()).into_owned();
        (code, Seen::of(&written, self.columns))
    }
}

/// What a terminal shows after all that was written to it, with what has scrolled away.
pub(crate) struct Seen {
    /// Everything that was written.
    pub(crate) written: String,
    /// The lines, as they stand in the end.
    pub(crate) lines: Vec<String>,
    /// Lines that did not fit the columns, as far as they had been written.
    pub(crate) wrapped: Vec<String>,
    /// Whether the cursor can be seen.
    pub(crate) cursor: bool,
}

impl Seen {
    /// A terminal that knows line feeds, carriage returns, and the few sequences that the view uses; it fails on
    /// any other.
    fn of(written: &str, columns: usize) -> Self {
        let mut seen = Self {
            written: written.to_owned(),
            lines: vec![String::new()],
            wrapped: Vec::new(),
            cursor: true,
        };
        let (mut row, mut column) = (0, 0);
        let mut rest = written.chars();
        while let Some(c) = rest.next() {
            match c {
                '\n' => {
                    row += 1;
                    if row == seen.lines.len() {
                        seen.lines.push(String::new());
                    }
                }
                '\r' => column = 0,
                '\x1b' => match sequence(&mut rest).as_str() {
                    "[J" => seen.clear_from(row, column),
                    "[?25l" => seen.cursor = false,
                    "[?25h" => seen.cursor = true,
                    up if up.ends_with('A') => {
                        let lines: usize = up[1..up.len() - 1].parse().unwrap();
                        let top = seen.lines.len().saturating_sub(ROWS);
                        assert!(row >= top + lines, "over the top of the screen");
                        row -= lines;
                    }
                    paint => assert!(paint.ends_with('m'), "{paint:?}"),
                },
                c => {
                    let width = c.width().unwrap_or(0);
                    if column + width > columns {
                        seen.wrapped.push(seen.lines[row].clone());
                        (row, column) = (row + 1, 0);
                        if row == seen.lines.len() {
                            seen.lines.push(String::new());
                        }
                    }
                    let line = &mut seen.lines[row];
                    // Lines are written from their start: what stood there is gone with the first cell.
                    if column == 0 {
                        line.clear();
                    }
                    line.push(c);
                    column += width;
                }
            }
        }
        seen
    }

    fn clear_from(&mut self, row: usize, column: usize) {
        assert_eq!(column, 0, "cleared from the middle of a line");
        self.lines.truncate(row + 1);
        self.lines[row].clear();
    }
}

/// The rest of an escape sequence, up to the letter that ends it.
fn sequence(rest: &mut std::str::Chars<'_>) -> String {
    let mut sequence = String::new();
    for c in rest.by_ref() {
        sequence.push(c);
        if c.is_ascii_alphabetic() {
            break;
        }
    }
    sequence
}
