//! Model servers: one request in, one reply or one typed error out.
//!
//! [`call`] streams an answer in the dialect that the server speaks ([`Dialect`]); [`call_with_retries`] repeats what a
//! transport lost. [`discover`] asks servers what they are, [`compare_usage`] tells whether a server
//! read the whole prompt. An answer is watched as it arrives, and stopped when nothing good can
//! follow. What a reply means, and what to do after a failure, is decided elsewhere.

mod ability;
mod answer_tool;
mod anthropic;
mod canonical;
mod chat;
mod classify;
mod client;
mod count;
mod dialect;
pub mod discover;
mod error;
mod finish;
mod http;
mod lines;
mod message;
mod ollama;
mod pool;
mod retry;
mod sse;
mod usage;
mod watch;

pub use ability::{Constraint, Learned};
pub use client::call;
pub use count::{Counter, Counts};
pub use dialect::{Dialect, body};
pub use error::{CallError, whole_seconds};
pub use finish::Finish;
pub use http::{Client, ClientError};
pub use message::{Message, Offered, Reply, Request, Role, ToolCall, Usage};
pub use pool::{Pool, Ready, Rest, Turn};
pub use retry::{Retry, RetryPolicy, call_with_retries};
pub use usage::{
    Miscount, PromptCut, UsageVerdict, compare_usage, estimate_reply, estimate_request, estimate_tool,
    judge_answer, judge_prompt,
};
pub use watch::{Stop, thinking_allowance};
