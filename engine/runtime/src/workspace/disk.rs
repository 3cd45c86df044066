//! The files that workflows are loaded from, before there is a workspace.

use std::fs;
use std::io::{self, Read as _};

use camino::Utf8Path;
use smallcode_core::load::Files;
use smallcode_core::yaml;

/// Reads workflows, templates and schemas from the disk, relative to the current folder.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Utf8Path) -> Result<String, String> {
        let file = fs::File::open(path).map_err(|error| in_words(&error))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err("it is a folder".to_owned());
        }
        let limit = u64::try_from(yaml::MAX_BYTES).unwrap_or(u64::MAX);
        let mut bytes = Vec::new();
        // One byte more than allowed tells that there is more, whatever the size that the system reports.
        file.take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| in_words(&error))?;
        if bytes.len() > yaml::MAX_BYTES {
            return Err(format!("it is larger than {} MiB", yaml::MAX_BYTES >> 20));
        }
        String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            format!("it is not UTF-8 (byte {valid})")
        })
    }
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
