//! `TensorBoard`'s event files, written by hand: `tensorboard/events.out.tfevents.0.prep`.
//!
//! A file is a series of records: length (u64), its masked CRC-32C, the bytes, their masked CRC-32C
//! (`tensorflow/core/lib/io/record_writer.h`). A record is an `Event` of protobuf
//! (`tensorflow/core/util/event.proto`): 1 `wall_time` (double), 2 `step` (varint), 3 `file_version`
//! (string), 5 `summary`; a summary has 1 `value` with 1 `tag` and 2 `simple_value` (float).
//!
//! When a run continues the file is made again from metrics.jsonl, so that no step is there twice.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};

use super::{
    journal,
    metrics::{self, Line},
};
use crate::atomic;

/// The open file.
pub struct Board {
    path: PathBuf,
    file: File,
}

impl Board {
    /// Opens the file of a run, with the steps that its metrics have.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn open(out: &Path) -> Result<Self> {
        let dir = out.join("tensorboard");
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let path = dir.join("events.out.tfevents.0.prep");
        let now = now();
        atomic::write_with(&path, |file| {
            file.write_all(&record(&version(now)))?;
            journal::for_each(&metrics::path(out), &mut |line: Line| {
                file.write_all(&record(&event(&line, now)))?;
                Ok(())
            })
        })?;
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path, file })
    }

    /// Appends one step.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, line: &Line) -> Result<()> {
        self.file
            .write_all(&record(&event(line, now())))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// Seconds since 1970: `TensorBoard`'s relative axis needs a clock.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// The event that a file begins with.
fn version(now: f64) -> Vec<u8> {
    let mut event = Vec::new();
    double(&mut event, 1, now);
    bytes(&mut event, 3, b"brain.Event:2");
    event
}

/// A step's numbers.
fn event(line: &Line, now: f64) -> Vec<u8> {
    let experts = line.experts.as_ref();
    let scalars = [
        ("train/loss", line.loss),
        ("train/learning_rate", Some(line.lr)),
        ("train/gradient_norm", Some(line.grad_norm)),
        ("train/tokens_per_second", Some(line.tokens_per_second)),
        ("train/wait_share", Some(line.wait_share)),
        ("experts/balance", experts.map(|experts| experts.balance)),
        (
            "experts/largest_share",
            experts.map(|experts| experts.largest_share),
        ),
        ("train/mfu", line.mfu),
        ("val/loss", line.val_loss),
        ("val/bits_per_byte", line.val_bits_per_byte),
    ];
    let pairs = [
        ("train", line.preference.as_ref()),
        ("val", line.val_preference.as_ref()),
    ];
    let classes = line.val_classes;
    let mut summary = Vec::new();
    let mut add = |tag: &str, value: Option<f64>| {
        let Some(value) = value else { return };
        let mut scalar = Vec::new();
        bytes(&mut scalar, 1, tag.as_bytes());
        float(&mut scalar, 2, value as f32);
        bytes(&mut summary, 1, &scalar);
    };
    for (tag, value) in scalars {
        add(tag, value);
    }
    add("val/accuracy", classes.map(|of| of.accuracy));
    add("val/macro_f1", classes.map(|of| of.macro_f1));
    for (split, of) in pairs {
        let Some(of) = of else { continue };
        for (what, value) in [
            ("accuracy", of.accuracy),
            ("margin", of.margin),
            ("chosen", of.chosen_reward),
            ("rejected", of.rejected_reward),
        ] {
            add(&format!("rewards_{split}/{what}"), Some(value));
        }
    }
    for (what, by) in [
        ("source", &line.val_by_source),
        ("language", &line.val_by_language),
        ("set", &line.val_sets),
    ] {
        for (name, means) in by.iter().flatten() {
            add(&format!("val_loss_by_{what}/{name}"), Some(means.loss));
            add(
                &format!("val_bits_per_byte_by_{what}/{name}"),
                means.bits_per_byte,
            );
        }
    }
    let mut event = Vec::new();
    double(&mut event, 1, now);
    varint(&mut event, 2 << 3);
    varint(&mut event, line.step);
    bytes(&mut event, 5, &summary);
    event
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn double(out: &mut Vec<u8>, field: u64, value: f64) {
    varint(out, field << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn float(out: &mut Vec<u8>, field: u64, value: f32) {
    varint(out, field << 3 | 5);
    out.extend_from_slice(&value.to_le_bytes());
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut out = length.to_vec();
    out.extend_from_slice(&masked(&length).to_le_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(&masked(data).to_le_bytes());
    out
}

/// The checksum as records have it: rotated and offset, since checksums of checksums are weak.
fn masked(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), a bit at a time: an event is a few hundred bytes.
fn crc32c(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in data {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        // RFC 3720, appendix B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn records_are_those_of_tensorboards_own_writer() {
        // EventFileWriter of the Python package, `file_version` at wall_time 1.5; and a scalar.
        let data = version(1.5);
        let want = [
            0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x1a, 0x0d, b'b', b'r', b'a', b'i', b'n', b'.',
            b'E', b'v', b'e', b'n', b't', b':', b'2',
        ];
        assert_eq!(data, want);
        let whole = record(&data);
        assert_eq!(whole.len(), 8 + 4 + data.len() + 4);
        assert_eq!(whole[..8], 24_u64.to_le_bytes());
        let mut long = Vec::new();
        varint(&mut long, 300);
        assert_eq!(long, [0xac, 0x02]);
    }
}
