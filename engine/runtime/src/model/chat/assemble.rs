//! Chunks in, one reply out.

use std::collections::BTreeMap;

use smallcode_core::tokens::Family;

use super::{Chunk, Counts, ToolDelta};
use crate::model::finish::Finish;
use crate::model::message::{Reply, Request, ToolCall, Usage};
use crate::model::usage::{estimate_reply, estimate_request};
use crate::model::watch::Stop;

/// Puts a reply together from its chunks.
#[derive(Debug, Default)]
pub(in crate::model) struct Assembler {
    text: String,
    thinking: String,
    calls: Vec<ToolCall>,
    /// From the server's index of a call to its place.
    by_index: BTreeMap<u64, usize>,
    finish: Option<Finish>,
    counts: Option<Counts>,
    model: Option<String>,
}

impl Assembler {
    /// Takes in a chunk and gives back the text and the thinking that it adds.
    pub(in crate::model) fn push(&mut self, chunk: Chunk) -> (String, String) {
        self.text.push_str(&chunk.text);
        self.thinking.push_str(&chunk.thinking);
        for delta in chunk.tool_calls {
            self.push_call(delta);
        }
        if let Some(reason) = chunk.finish {
            self.finish = Some(Finish::from_reason(&reason));
        }
        if let Some(counts) = chunk.usage {
            // Some servers repeat the usage in each chunk and some split it: the largest counts.
            let known = self.counts.unwrap_or_default();
            self.counts = Some(Counts {
                prompt: known.prompt.max(counts.prompt),
                completion: known.completion.max(counts.completion),
                cached: known.cached.max(counts.cached),
            });
        }
        if self.model.is_none() {
            self.model = chunk.model;
        }
        (chunk.text, chunk.thinking)
    }

    /// How many bytes of text there are.
    pub(in crate::model) fn said(&self) -> usize {
        self.text.len()
    }

    /// Tells whether the server said why it stopped.
    pub(in crate::model) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Ends the reply before the server does, after so many bytes of its text where it says so.
    pub(in crate::model) fn stop(&mut self, stop: Stop, kept: Option<usize>) {
        self.finish = Some(Finish::Stopped(stop));
        if let Some(kept) = kept {
            self.text.truncate(kept);
        }
    }

    /// A piece belongs to the call of its index; without one, a new id or a new name after the
    /// arguments begins the next call.
    fn push_call(&mut self, delta: ToolDelta) {
        let place = match delta.index {
            Some(index) => self.by_index.get(&index).copied(),
            None => self.calls.last().and_then(|last| {
                let another_id = !delta.id.is_empty() && !last.id.is_empty() && delta.id != last.id;
                let another_call = !delta.name.is_empty() && !last.arguments.is_empty();
                (!another_id && !another_call).then(|| self.calls.len() - 1)
            }),
        };
        let place = place.unwrap_or_else(|| {
            self.calls.push(ToolCall::default());
            self.calls.len() - 1
        });
        if let Some(index) = delta.index {
            self.by_index.insert(index, place);
        }
        let Some(call) = self.calls.get_mut(place) else {
            return;
        };
        if call.id.is_empty() {
            call.id = delta.id;
        }
        // Some servers repeat the whole name in each piece, others send it in parts.
        if call.name != delta.name {
            call.name.push_str(&delta.name);
        }
        call.arguments.push_str(&delta.arguments);
    }

    /// Ends the reply. What the server did not count is estimated, from above.
    pub(in crate::model) fn finish(self, model: &str, request: &Request) -> Reply {
        let counts = self.counts.filter(|counts| counts.prompt > 0);
        let mut reply = Reply {
            text: self.text,
            thinking: self.thinking,
            tool_calls: self.calls,
            finish: self.finish.unwrap_or_else(|| Finish::Other(String::new())),
            usage: Usage::default(),
            model: self.model,
        };
        reply.usage = match counts {
            Some(Counts {
                prompt,
                completion,
                cached,
            }) => Usage {
                prompt,
                completion,
                cached,
                estimated: false,
            },
            None => estimated(model, request, &reply),
        };
        reply
    }
}

fn estimated(model: &str, request: &Request, reply: &Reply) -> Usage {
    let family = Family::of_model(model);
    Usage {
        prompt: estimate_request(family, request).high.get(),
        completion: estimate_reply(family, reply).high.get(),
        cached: None,
        estimated: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(chunks: &[&str]) -> Vec<ToolCall> {
        let mut assembler = Assembler::default();
        for deltas in chunks {
            let text = format!(r#"{{"choices":[{{"delta":{{"tool_calls":{deltas}}}}}]}}"#);
            assembler.push(Chunk::read(&text).unwrap());
        }
        assembler.calls
    }

    fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
        ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }
    }

    #[test]
    fn pieces_of_tool_calls_find_each_other() {
        let interleaved = calls(&[
            r#"[{"index":0,"id":"a","function":{"name":"read","arguments":""}}]"#,
            r#"[{"index":1000000000,"id":"b","function":{"name":"run","arguments":"{"}}]"#,
            r#"[{"index":0,"function":{"arguments":"{}"}},{"index":1000000000,"function":{"arguments":"}"}}]"#,
        ]);
        assert_eq!(interleaved, [call("a", "read", "{}"), call("b", "run", "{}")]);

        let without_index = calls(&[
            r#"[{"id":"a","function":{"name":"read","arguments":"{"}}]"#,
            r#"[{"function":{"arguments":"}"}}]"#,
            r#"[{"id":"b","function":{"name":"run","arguments":{"x":1}}}]"#,
        ]);
        assert_eq!(
            without_index,
            [call("a", "read", "{}"), call("b", "run", r#"{"x":1}"#)]
        );

        let repeated_name = calls(&[
            r#"[{"index":0,"id":"a","function":{"name":"read","arguments":"{"}}]"#,
            r#"[{"index":0,"id":"a","function":{"name":"read","arguments":"}"}}]"#,
        ]);
        assert_eq!(repeated_name, [call("a", "read", "{}")]);
    }
}
