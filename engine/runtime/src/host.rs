//! What expressions see of the world: values of blobs, and files of the workspace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value as Json};
use smallcode_core::run::Stored;
use smallcode_core::scope::Host;
use smallcode_core::template::Value;

use crate::journal::{BlobError, BlobHash, Blobs};
use crate::workspace::Workspace;

/// The largest value that the journal holds itself, in bytes: a line that a person can still read, and small
/// enough for many nodes to share one commit.
pub const INLINE: usize = 4 * 1024;

/// The deepest value that the journal holds itself: it refuses lines that are nested deeper than 127 levels.
const INLINE_DEPTH: usize = 64;

/// The largest blob that an expression takes in: 16 MiB, what an expression may give.
const MAX_VALUE: u64 = 16 << 20;

/// How many bytes of blobs stay loaded: a few lists that many nodes look at.
const CACHE: u64 = 64 << 20;

/// The values and files of one run.
#[derive(Debug)]
pub struct RunHost {
    blobs: Blobs,
    workspace: Arc<Workspace>,
    cache: Mutex<Cache>,
    broken: Mutex<Broken>,
}

/// Whether something could not be kept, and why, until that was told.
#[derive(Debug, Default)]
struct Broken {
    is: bool,
    error: Option<BlobError>,
}

#[derive(Debug, Default)]
struct Cache {
    values: HashMap<String, (u64, Value)>,
    bytes: u64,
}

impl RunHost {
    /// The values behind `blobs`, the files of `workspace`.
    pub fn new(blobs: Blobs, workspace: Arc<Workspace>) -> Self {
        Self {
            blobs,
            workspace,
            cache: Mutex::default(),
            broken: Mutex::default(),
        }
    }

    /// Keeps a JSON value: in the journal when it is small, else in a blob.
    ///
    /// # Errors
    /// When the blob can't be written.
    pub fn keep(&self, value: Json) -> Result<Stored, BlobError> {
        let bytes = value.to_string();
        if bytes.len() <= INLINE && !is_deeper(&value, INLINE_DEPTH) {
            return Ok(Stored::inline(value));
        }
        let hash = self.blobs.put(bytes.as_bytes())?;
        Ok(Stored::Json {
            blob: hash.to_string(),
            bytes: length(&bytes),
        })
    }

    /// Keeps a text: in the journal when it is small, else in a blob.
    ///
    /// # Errors
    /// When the blob can't be written.
    pub fn keep_text(&self, text: &str, cut: bool) -> Result<Stored, BlobError> {
        if text.len() <= INLINE && !cut {
            return Ok(Stored::inline(text.into()));
        }
        let hash = self.blobs.put(text.as_bytes())?;
        Ok(Stored::Text {
            blob: hash.to_string(),
            bytes: length(text),
            cut,
        })
    }

    /// Remembers that something could not be kept: then the run can't go on, whatever becomes of the attempt.
    pub(crate) fn lost(&self, error: BlobError) -> String {
        let words = error.to_string();
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.is = true;
        broken.error.get_or_insert(error);
        words
    }

    /// Whether something could not be kept.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).is
    }

    /// Why something could not be kept, for who asks first.
    pub(crate) fn take_broken(&self) -> Option<BlobError> {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.error.take()
    }

    /// The blobs of the run.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// A stored value as JSON.
    ///
    /// # Errors
    /// When its blob is missing, damaged, or too large to take in.
    pub fn json(&self, stored: &Stored) -> Result<Json, String> {
        match stored {
            Stored::Inline(value) => Ok((**value).clone()),
            Stored::Json { blob, bytes } => serde_json::from_slice(&self.bytes(blob, *bytes)?)
                .map_err(|_| format!("the blob {blob} is not JSON")),
            Stored::Text { cut: true, bytes, .. } => Err(format!(
                "the output goes on after {bytes} bytes, which is all that is kept; let the command write a file"
            )),
            Stored::Text { blob, bytes, .. } => Ok(Json::String(
                String::from_utf8_lossy(&self.bytes(blob, *bytes)?).into_owned(),
            )),
        }
    }

    fn bytes(&self, blob: &str, bytes: u64) -> Result<Vec<u8>, String> {
        if bytes > MAX_VALUE {
            return Err(format!(
                "the output has {bytes} bytes, and an expression takes in {MAX_VALUE}; let the command write a file"
            ));
        }
        let hash: BlobHash = blob
            .parse()
            .map_err(|_| format!("`{blob}` is no name of a blob"))?;
        self.blobs.get(&hash).map_err(|error| error.to_string())
    }
}

impl Host for RunHost {
    fn load(&self, stored: &Stored) -> Result<Value, String> {
        let (blob, bytes) = match stored {
            Stored::Inline(value) => return Ok(Value::from_json((**value).clone())),
            Stored::Json { blob, bytes } | Stored::Text { blob, bytes, .. } => (blob, *bytes),
        };
        if let Some((_, value)) = self.lock().values.get(blob) {
            return Ok(value.clone());
        }
        let value = Value::from_json(self.json(stored)?);
        let mut cache = self.lock();
        if cache.bytes.saturating_add(bytes) > CACHE {
            *cache = Cache::default();
        }
        cache.bytes += bytes;
        cache.values.insert(blob.clone(), (bytes, value.clone()));
        Ok(value)
    }

    fn call(&self, function: &str, arguments: &[Json], _: &Map<String, Json>) -> Result<Json, String> {
        let [Json::String(argument)] = arguments else {
            return Err(format!("`{function}` takes one text"));
        };
        match function {
            "read" => self
                .workspace
                .read(argument)
                .map(Json::String)
                .map_err(|error| error.to_string()),
            "glob" => self
                .workspace
                .glob(argument)
                .map(|paths| paths.into_iter().map(Json::String).collect())
                .map_err(|error| error.to_string()),
            _ => Err(format!("`{function}` can't be evaluated by this version")),
        }
    }
}

impl RunHost {
    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_deeper(value: &Json, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else {
        return true;
    };
    match value {
        Json::Array(items) => items.iter().any(|item| is_deeper(item, below)),
        Json::Object(map) => map.values().any(|item| is_deeper(item, below)),
        _ => false,
    }
}

fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}
