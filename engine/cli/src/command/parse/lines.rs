//! `smallcode parse --jsonl`: a request a line, an answer a line, each sent off before the next is read.
//!
//! This is how the parser is measured, so nothing is done twice: the reply is decoded once, tools and schema are
//! compiled once for as long as they stay the same, and the answer is written straight from the reading.

use std::borrow::Cow;
use std::io::{BufRead as _, BufReader, Write as _};

use serde::Deserialize;
use serde_json::Value as Json;
use smallcode_parse::{
    Call, Cut, Diagnostic, Expect, Omitted, Reading, Repair, Schema, Tools, parse, quote_json,
};

use crate::exit::{Exit, Refusal};

/// A pipe holds this much at once on Linux.
const PIPE: usize = 64 * 1024;

/// A request as it stands in its line.
#[derive(Deserialize)]
struct Request<'l> {
    #[serde(default)]
    id: Json,
    #[serde(default)]
    tools: Json,
    #[serde(default)]
    schema: Json,
    #[serde(borrow)]
    input: Option<Cow<'l, str>>,
    #[serde(borrow)]
    want: Option<Cow<'l, str>>,
}

/// What was asked for last, compiled: the lines of a batch mostly ask for the same.
#[derive(Default)]
struct Compiled {
    tools: Option<(Json, Result<Expect, String>)>,
    schema: Option<(Json, Expect)>,
}

/// One reply a line; the exit code says nothing of what they hold.
pub(super) fn run(partial: bool) -> Result<Exit, Refusal> {
    let mut stdout = std::io::stdout().lock();
    let mut stdin = BufReader::with_capacity(PIPE, std::io::stdin().lock());
    let mut compiled = Compiled::default();
    let (mut line, mut out) = (Vec::new(), String::new());
    for number in 1_u64.. {
        line.clear();
        out.clear();
        let read = stdin.read_until(b'\n', &mut line);
        if read.map_err(|error| Refusal::new(Exit::Io, format!("could not read standard input: {error}")))?
            == 0
        {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        answer(&line, number, partial, &mut compiled, &mut out);
        out.push('\n');
        match stdout.write_all(out.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
            Err(error) => {
                return Err(Refusal::new(
                    Exit::Io,
                    format!("could not write to standard output: {error}"),
                ));
            }
            Ok(()) => {}
        }
    }
    Ok(Exit::Done)
}

fn answer(line: &[u8], number: u64, partial: bool, compiled: &mut Compiled, out: &mut String) {
    match serde_json::from_slice::<Request<'_>>(line) {
        Ok(request) => reply(&request, partial, compiled, out),
        Err(error) => match tolerant(line) {
            // What no strict reader takes: half of a surrogate pair, a byte that is no UTF-8.
            Some(line) if serde_json::from_str::<Request<'_>>(&line).is_ok() => {
                answer(line.as_bytes(), number, partial, compiled, out);
            }
            Some(line) => {
                let request: Json = serde_json::from_str(&line).unwrap_or_default();
                no_input(request.get("id").unwrap_or(&Json::Null), out);
            }
            None => {
                out.push_str("{\"line\":");
                out.push_str(&number.to_string());
                error_of(&format!("the line is no JSON: {error}"), out);
            }
        },
    }
}

/// The line as JSON that every reader takes, if nothing had to be repaired that might change what it says.
fn tolerant(line: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(line);
    let reading = parse(line.trim(), &Expect::Json, false);
    let value = reading.value.filter(|_| reading.repairs.is_empty())?;
    value.view().is_object().then(|| value.to_string())
}

fn reply(request: &Request<'_>, partial: bool, compiled: &mut Compiled, out: &mut String) {
    let Some(input) = &request.input else {
        return no_input(&request.id, out);
    };
    id(&request.id, out);
    let want = request.want.as_deref();
    let mut readings: Vec<Reading> = Vec::new();
    if want != Some("value") {
        match compiled.tools(&request.tools) {
            Ok(expect) => {
                let reading = parse(input, expect, partial);
                calls(&reading.calls, out);
                readings.push(reading);
            }
            Err(reason) => {
                out.push_str(",\"error\":");
                quote_json(&format!("`tools` is no list of tools: {reason}"), out);
            }
        }
    }
    if want != Some("calls") {
        let reading = parse(input, compiled.schema(&request.schema), partial);
        if let Some(value) = &reading.value {
            out.push_str(",\"value\":");
            value.write_json(out);
        }
        cut(reading.cut.as_ref(), out);
        readings.push(reading);
    }
    let repairs: Vec<&Repair> = readings.iter().flat_map(|reading| &reading.repairs).collect();
    let omitted: Vec<&Omitted> = readings.iter().flat_map(|reading| &reading.omitted).collect();
    let diagnostics: Vec<&Diagnostic> = readings.iter().flat_map(|reading| &reading.diagnostics).collect();
    list("repairs", &repairs, out);
    if !omitted.is_empty() {
        list("omitted", &omitted, out);
    }
    list("diagnostics", &diagnostics, out);
    out.push('}');
}

/// How the answer to a request begins.
fn id(id: &Json, out: &mut String) {
    out.push_str("{\"id\":");
    out.push_str(&id.to_string());
}

fn no_input(request: &Json, out: &mut String) {
    id(request, out);
    error_of("`input`, a string, is missing", out);
}

fn calls(calls: &[Call], out: &mut String) {
    out.push_str(",\"calls\":[");
    for (index, call) in calls.iter().enumerate() {
        out.push_str(if index > 0 { ",{\"name\":" } else { "{\"name\":" });
        quote_json(&call.name, out);
        out.push_str(",\"arguments\":");
        call.arguments.write_json(out);
        cut(call.cut.as_ref(), out);
        out.push('}');
    }
    out.push(']');
}

fn cut(cut: Option<&Cut>, out: &mut String) {
    if let Some(cut) = cut {
        out.push_str(",\"cut\":");
        quote_json(&cut.path, out);
    }
}

/// The end of an answer that says only what is wrong with its request.
fn error_of(message: &str, out: &mut String) {
    out.push_str(",\"error\":");
    quote_json(message, out);
    out.push('}');
}

/// At most a hundred of each are listed, so a text of them on the side costs nothing.
fn list(name: &str, entries: &[impl serde::Serialize], out: &mut String) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":");
    out.push_str(&serde_json::to_string(entries).unwrap_or_else(|_| "[]".to_owned()));
}

impl Compiled {
    fn tools(&mut self, list: &Json) -> Result<&Expect, &str> {
        let known = self.tools.take().filter(|(known, _)| known == list);
        let (_, expect) = self.tools.insert(known.unwrap_or_else(|| {
            let expect = match list {
                Json::Null => Ok(Expect::Calls(Tools::any())),
                list => super::tools(list).map(Expect::Calls),
            };
            (list.clone(), expect)
        }));
        expect.as_ref().map_err(String::as_str)
    }

    fn schema(&mut self, schema: &Json) -> &Expect {
        let known = self.schema.take().filter(|(known, _)| known == schema);
        let (_, expect) = self.schema.insert(known.unwrap_or_else(|| {
            let expect = match schema {
                Json::Null => Expect::Json,
                schema => Expect::Value(Schema::new(schema)),
            };
            (schema.clone(), expect)
        }));
        expect
    }
}
