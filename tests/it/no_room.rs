//! A full disk: a clear error, and the same command goes on once there is room.

use crate::support::made_up::{Dice, many_parts};
use crate::support::{Prep, fixture, place, tree};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// Mounts a small file system in a name space of its own, and runs the command in it with more and
/// more room until it succeeds; what it wrote is copied out.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=4k prep "$1" || exit 77
room=$1; log=$2; result=$3; shift 3
# At first there is no room at all.
head -c 4096 /dev/zero >"$room/filler"
for size in 4k 8k 64k 256k 512k 1m 2m 4m 8m 16m 32m 256m; do
    mount -o remount,size=$size prep "$room" || exit 77
    "$@" >"$log/stdout" 2>"$log/stderr"
    code=$?
    echo "$code" >>"$log/codes"
    cat "$log/stderr" >>"$log/all"
    rm -f "$room/filler"
    if [ $code != 2 ]; then
        cp -a "$room/out" "$result"
        exit 0
    fi
done
exit 1
"#;

/// Whether name spaces with mounts of their own are allowed here.
fn can_mount() -> bool {
    let probe = Command::new("unshare")
        .args(["-rm", "sh", "-c", "mount -t tmpfs probe /mnt"])
        .output();
    let can = probe.is_ok_and(|output| output.status.success());
    if !can {
        prep::output::note("skipped: no right to mount a small file system here (unshare -rm)");
    }
    can
}

/// Runs `command(out)` with too little room, and compares with a run that had enough.
fn check(command: impl Fn(&Path) -> Prep, code: i32) {
    let place = place();
    let path = |name: &str| place.path().join(name);
    for name in ["room", "log"] {
        std::fs::create_dir(path(name)).expect("creates");
    }
    let enough = command(&path("enough"));
    enough.code(code).json();

    let words = command(&path("room").join("out")).words();
    let status = Command::new("unshare")
        .args(["-rm", "sh", "-c", SCRIPT, "sh"])
        .args(["room", "log", "result"].map(|name| OsString::from(path(name))))
        .args(words)
        .status()
        .expect("unshare runs");
    let log = |name: &str| String::from_utf8(crate::support::read(&path("log").join(name)));
    let all = log("all").expect("UTF-8");
    assert!(status.success(), "{status}:\n{all}");
    let codes = log("codes").expect("UTF-8");
    let codes: Vec<&str> = codes.lines().collect();
    let (last, failed) = codes.split_last().expect("it ran");
    assert_eq!(*last, code.to_string(), "{all}");
    assert!(failed.len() >= 4, "too little failed: {codes:?}");
    assert!(failed.iter().all(|code| *code == "2"), "{codes:?}\n{all}");
    assert!(!all.contains("panicked"), "{all}");
    let messages: Vec<&str> = all.lines().filter(|line| line.contains("error")).collect();
    assert_eq!(messages.len(), failed.len(), "{all}");
    for message in messages {
        assert!(
            message.contains("No space left on device")
                && message.contains("room/out")
                && message.contains("make room"),
            "names the place and the remedy: {message}"
        );
    }
    tree::assert_same(&path("enough"), &path("result"));
}

#[test]
fn ingest_goes_on_when_there_is_room() {
    if !can_mount() {
        return;
    }
    let place = place();
    let raw = place.path().join("raw.jsonl");
    many_parts(&raw, 10_000_000, &mut Dice::new(5));
    check(|out| Prep::ingest(&raw, out), 1);
}

#[test]
fn shard_goes_on_when_there_is_room() {
    if !can_mount() {
        return;
    }
    let place = place();
    let corpus = place.path().join("corpus");
    let raw = place.path().join("raw.jsonl");
    many_parts(&raw, 8_000_000, &mut Dice::new(6));
    Prep::new(["ingest"])
        .args([&raw, &fixture("text"), &fixture("qa"), &fixture("bad")])
        .arg("--out")
        .arg(&corpus)
        .code(1)
        .json();
    let trained = |out: &Path| {
        Prep::shard_trained(&corpus, out)
            .args(["--vocab-size", "400", "--tokenizer-sample", "300kB"])
            .args(["--shard-size", "300kB", "--val", "5%"])
    };
    check(trained, 0);
}
