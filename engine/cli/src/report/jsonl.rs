//! The events of a run as JSON lines, for programs: `--events FILE`.
//!
//! `{"seq":7,"at":1700000000000,"event":{…}}` for what is in the journal, `{"at":…,"notice":{…}}` for what is
//! only to be seen as it happens. [`schema`] describes a line.

use std::io::{self, BufWriter, Write};

use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Value, json};
use smallcode_core::run::{Event, Notice, Timestamp};

use super::Report;

/// Writes a JSON object for each event and notice.
pub(crate) struct JsonLines<W: Write> {
    out: BufWriter<W>,
    failure: Option<io::Error>,
}

#[derive(Serialize)]
struct EventLine<'a> {
    seq: u64,
    at: Timestamp,
    event: &'a Event,
}

#[derive(Serialize)]
struct NoticeLine<'a> {
    at: Timestamp,
    notice: &'a Notice,
}

impl<W: Write + Send> JsonLines<W> {
    /// A report that writes to `out`, which is buffered here.
    pub(crate) fn new(out: W) -> Self {
        Self {
            out: BufWriter::new(out),
            failure: None,
        }
    }

    /// After the first failure nothing more is written: half a line in the middle would spoil the file.
    fn line(&mut self, line: &impl Serialize) {
        self.attempt(|out| {
            serde_json::to_writer(&mut *out, line)?;
            out.write_all(b"\n")
        });
    }

    fn attempt(&mut self, write: impl FnOnce(&mut BufWriter<W>) -> io::Result<()>) {
        if self.failure.is_none()
            && let Err(error) = write(&mut self.out)
        {
            self.failure = Some(error);
        }
    }
}

impl<W: Write + Send> Report for JsonLines<W> {
    fn event(&mut self, at: Timestamp, seq: u64, event: &Event) {
        self.line(&EventLine { seq, at, event });
    }

    fn notice(&mut self, at: Timestamp, notice: &Notice) {
        self.line(&NoticeLine { at, notice });
    }

    fn tick(&mut self, _now: Timestamp) {
        self.attempt(Write::flush);
    }

    fn finish(&mut self) -> io::Result<()> {
        self.attempt(Write::flush);
        self.failure.take().map_or(Ok(()), Err)
    }
}

/// The JSON Schema of a line: `schemas/event.schema.json`.
pub(crate) fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let event = generator.subschema_for::<Event>();
    let notice = generator.subschema_for::<Notice>();
    let at = generator.subschema_for::<Timestamp>();
    let definitions = generator.take_definitions(true);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "smallcode events",
        "description": "A line of the file that `smallcode exec --events FILE` writes.",
        "oneOf": [
            {
                "title": "event",
                "description": "A fact that changed the run, as it is in the journal.",
                "type": "object",
                "properties": {
                    "seq": {
                        "description": "Its number in the journal.",
                        "type": "integer",
                        "minimum": 0
                    },
                    "at": at,
                    "event": event
                },
                "required": ["seq", "at", "event"]
            },
            {
                "title": "notice",
                "description": "What a person watching wants to see as it happens; in no journal.",
                "type": "object",
                "properties": { "at": at, "notice": notice },
                "required": ["at", "notice"]
            }
        ],
        "$defs": definitions
    })
}
