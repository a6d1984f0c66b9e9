//! A run that is killed at any moment goes on with the same command and ends with the same bytes.

use crate::support::made_up::{Dice, many_parts, words};
use crate::support::{Prep, place, tree, write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// How the process is stopped.
#[derive(Clone, Copy, Debug)]
enum Stop {
    /// SIGKILL: it learns nothing.
    Kill,
    /// SIGTERM: it finishes what it is writing and exits with 130.
    Terminate,
}

/// Raw sources of about 19 MB that make four parts, with small files before and behind the large ones.
fn raw(dir: &Path) {
    std::fs::create_dir(dir).expect("creates");
    let mut dice = Dice::new(3);
    many_parts(&dir.join("a.jsonl"), 13_000_000, &mut dice);
    let mut text = String::new();
    while text.len() < 5_000_000 {
        text += &words(&mut dice, 120);
        text += "\n\n";
    }
    write(&dir.join("b.txt"), text);
    for folder in ["a few", "z"] {
        std::fs::create_dir(dir.join(folder)).expect("creates");
        for number in 0..300 {
            let text = words(&mut dice, number % 7 * 60);
            write(&dir.join(folder).join(format!("{number:03}.txt")), text);
        }
    }
}

/// Files below `dir` by now, under their last names or temporary ones.
fn files(dir: &Path) -> usize {
    walkdir::WalkDir::new(dir)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .count()
}

/// Runs `command` until it ends by itself, stopped again and again before; returns how often it
/// really was.
///
/// A moment is where the number of files has changed a few times (by a seeded number), and a seeded
/// number of looks later: so the stops fall into all stages, on a fast machine and on a slow one.
fn run_with_stops(command: &Prep, out: &Path, code: i32, stop: Stop, dice: &mut Dice) -> u32 {
    let mut stopped = 0;
    let most = match stop {
        Stop::Kill => 8,
        Stop::Terminate => 3,
    };
    for _ in 0..most {
        let mut child = command.start();
        let (changes, looks) = (dice.below(9), dice.below(12));
        if wait_for(&mut child, out, changes, looks) {
            // It was done before: once more from the beginning.
            std::fs::remove_dir_all(out).expect("removes");
            continue;
        }
        match stop {
            Stop::Kill => child.kill().expect("kills"),
            Stop::Terminate => {
                let kill = format!("kill -TERM {}", child.id());
                let status = Command::new("sh").args(["-c", &kill]).status();
                assert!(status.is_ok_and(|status| status.success()));
            }
        }
        let status = child.wait().expect("waits");
        match (stop, status.code()) {
            // It had come to its end before the signal.
            (_, Some(ended)) if ended == code => continue,
            (Stop::Kill, None) | (Stop::Terminate, Some(130)) => stopped += 1,
            // It had not begun to listen.
            (Stop::Terminate, None) => {}
            (_, other) => panic!("{stop:?} ended with {other:?}"),
        }
        assert!(
            !out.join("manifest.json").exists() || matches!(stop, Stop::Kill),
            "no manifest stands before the end"
        );
    }
    let status = command.start().wait().expect("waits");
    assert_eq!(status.code(), Some(code), "the last run");
    stopped
}

/// Waits for the moment; true when the process has ended before.
fn wait_for(child: &mut Child, out: &Path, mut changes: u64, mut looks: u64) -> bool {
    let mut before = files(out);
    loop {
        if child.try_wait().expect("looks").is_some() {
            return true;
        }
        let now = files(out);
        if now != before {
            changes = changes.saturating_sub(1);
            before = now;
        }
        if changes == 0 {
            if looks == 0 {
                return false;
            }
            looks -= 1;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs an ingest that is killed each time when so many parts of documents or rejects stand; returns how
/// often it really was. The run is not ended.
pub fn kill_at_parts(command: &Prep, out: &Path, parts: &[usize]) -> u32 {
    let mut killed = 0;
    for wanted in parts {
        let mut child = command.start();
        let standing = || {
            ["documents", "rejects"]
                .into_iter()
                .filter_map(|folder| std::fs::read_dir(out.join(folder)).ok())
                .flatten()
                .filter_map(Result::ok)
                .filter(|entry| entry.path().extension().is_some_and(|end| end == "parquet"))
                .count()
        };
        while standing() < *wanted {
            if child.try_wait().expect("looks").is_some() {
                return killed;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().expect("kills");
        killed += u32::from(child.wait().expect("waits").code().is_none());
    }
    killed
}

/// Stops ingest and shard again and again, and compares with runs that were left in peace.
fn check(stop: Stop, seed: u64) {
    let place = place();
    let path = |name: &str| place.path().join(name);
    let mut dice = Dice::new(seed);
    raw(&path("raw"));

    Prep::ingest(&path("raw"), &path("corpus")).code(1).json();
    let command = Prep::ingest(&path("raw"), &path("stopped corpus"));
    let paths = [path("corpus"), path("stopped corpus")];
    stop_and_compare(&command, &paths, 1, stop, &mut dice);

    let shard = |out: &str| {
        Prep::shard_trained(&path("corpus"), &path(out))
            .args(["--vocab-size", "400", "--tokenizer-sample", "300kB"])
            .args(["--shard-size", "1MB", "--val", "5%"])
    };
    shard("shards").json();
    let paths = [path("shards"), path("stopped")];
    stop_and_compare(&shard("stopped"), &paths, 0, stop, &mut dice);
}

/// Stops the command that writes the second directory, and compares it with the first; again from the
/// beginning where other work on the machine let it end before it was stopped twice.
fn stop_and_compare(
    command: &Prep,
    [whole, stopped]: &[PathBuf; 2],
    code: i32,
    stop: Stop,
    dice: &mut Dice,
) {
    for _ in 0..8 {
        let stops = run_with_stops(command, stopped, code, stop, dice);
        tree::assert_same(whole, stopped);
        if stops >= 2 {
            return;
        }
        std::fs::remove_dir_all(stopped).expect("removes");
    }
    panic!("never stopped twice; make the corpus larger");
}

#[test]
fn killed_runs_end_with_the_same_bytes() {
    check(Stop::Kill, 11);
}

#[test]
fn terminated_runs_end_with_the_same_bytes() {
    check(Stop::Terminate, 12);
}

#[test]
fn an_interrupted_run_notices_a_changed_source_and_another_configuration() {
    let place = place();
    let (source, corpus) = (place.path().join("a.jsonl"), place.path().join("corpus"));
    many_parts(&source, 18_000_000, &mut Dice::new(4));
    let mut child = Prep::ingest(&source, &corpus).start();
    while !corpus.join("documents/part-00000.parquet").exists() {
        assert!(child.try_wait().expect("looks").is_none(), "ended early");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("kills");
    child.wait().expect("waits");
    assert!(
        !corpus.join("manifest.json").exists(),
        "was stopped in time"
    );
    let message = Prep::ingest(&source, &corpus)
        .args(["--shape", "text"])
        .fails();
    assert!(message.contains("its shape is null"), "{message}");
    let message = Prep::shard(&corpus, &place.path().join("shards")).fails();
    assert!(message.contains("not a finished corpus"), "{message}");
    let mut bytes = crate::support::read(&source);
    let last = bytes.len() - 3;
    bytes[last] ^= 1;
    write(&source, &bytes);
    let message = Prep::ingest(&source, &corpus).fails();
    assert!(
        message.contains("a.jsonl changed since the interrupted run"),
        "{message}"
    );
}
