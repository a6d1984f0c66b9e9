//! A `prep` command with what is expected of it. A stream of which nothing is expected must be empty.

use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What a stream must hold.
enum Expected {
    /// Nothing.
    Empty,
    /// All of these, and maybe more.
    Holds(Vec<String>),
}

impl Expected {
    fn add(&mut self, needle: &str) {
        match self {
            Self::Empty => *self = Self::Holds(vec![needle.to_owned()]),
            Self::Holds(needles) => needles.push(needle.to_owned()),
        }
    }

    fn check(&self, found: &str, stream: &str, command: &str) {
        match self {
            Self::Empty => assert_eq!(found, "", "{stream} of `{command}` must be empty"),
            Self::Holds(needles) => {
                for needle in needles {
                    assert!(
                        found.contains(needle.as_str()),
                        "{stream} of `{command}` lacks `{needle}`:\n{found}"
                    );
                }
            }
        }
    }
}

/// A command under construction; without more it must exit with 0 and print nothing.
pub struct Prep {
    args: Vec<OsString>,
    code: i32,
    stdout: Expected,
    stderr: Expected,
    stdin: Option<PathBuf>,
    dir: Option<PathBuf>,
}

impl Prep {
    /// `prep` with these arguments, and `--quiet`.
    pub fn new<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        Self::talkative(args).args(["--quiet"])
    }

    /// `prep` with these arguments alone.
    pub fn talkative<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        Self {
            args: Vec::new(),
            code: 0,
            stdout: Expected::Empty,
            stderr: Expected::Empty,
            stdin: None,
            dir: None,
        }
        .args(args)
    }

    /// `prep ingest SOURCE --out DIR`.
    pub fn ingest(source: &Path, out: &Path) -> Self {
        Self::new(["ingest"]).arg(source).arg("--out").arg(out)
    }

    /// `prep shard CORPUS --out DIR` with the small tokenizer of the fixtures.
    pub fn shard(corpus: &Path, out: &Path) -> Self {
        Self::shard_trained(corpus, out)
            .arg("--tokenizer")
            .arg(super::fixture("golden/tokenizer.json"))
    }

    /// `prep shard CORPUS --out DIR`, which trains a tokenizer.
    pub fn shard_trained(corpus: &Path, out: &Path) -> Self {
        Self::new(["shard"]).arg(corpus).arg("--out").arg(out)
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// The file that is standard input; without it there is none.
    pub fn stdin(mut self, path: &Path) -> Self {
        self.stdin = Some(path.to_owned());
        self
    }

    /// The working directory; without it that of the tests.
    pub fn inside(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    /// The exit code that is expected.
    pub fn code(mut self, code: i32) -> Self {
        self.code = code;
        self
    }

    /// Text that stderr must hold.
    pub fn says(mut self, needle: &str) -> Self {
        self.stderr.add(needle);
        self
    }

    /// Text that stdout must hold.
    pub fn prints(mut self, needle: &str) -> Self {
        self.stdout.add(needle);
        self
    }

    /// Runs the command, checks what is expected of it, and returns stdout and stderr.
    pub fn run(self) -> (String, String) {
        let output = self.command().output().expect("prep runs");
        let shown = self.shown();
        let stdout = String::from_utf8(output.stdout).expect("stdout is UTF-8");
        let stderr = String::from_utf8(output.stderr).expect("stderr is UTF-8");
        assert_eq!(
            output.status.code(),
            Some(self.code),
            "exit code of `{shown}`; stdout:\n{stdout}\nstderr:\n{stderr}"
        );
        assert!(!stderr.contains("panicked"), "`{shown}`:\n{stderr}");
        self.stdout.check(&stdout, "stdout", &shown);
        self.stderr.check(&stderr, "stderr", &shown);
        (stdout, stderr)
    }

    /// Runs the command with `--json` and returns the one object that it prints.
    pub fn json(self) -> Value {
        let (stdout, _) = self.arg("--json").prints("{").run();
        serde_json::from_str(&stdout).expect("stdout is one JSON object")
    }

    /// Runs a command that fails, and returns what it says.
    pub fn fails(self) -> String {
        let (_, stderr) = self.code(2).says("prep: error: ").run();
        stderr
    }

    /// Starts the command; its streams go nowhere.
    pub fn start(&self) -> Child {
        self.command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prep starts")
    }

    /// The arguments, to be run by a script.
    pub fn words(&self) -> Vec<OsString> {
        let binary = OsString::from(env!("CARGO_BIN_EXE_prep"));
        std::iter::once(binary).chain(self.args.clone()).collect()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_prep"));
        let stdin = self.stdin.as_ref().map_or_else(Stdio::null, |path| {
            Stdio::from(File::open(path).expect("the file for standard input"))
        });
        command.args(&self.args).stdin(stdin);
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }

    fn shown(&self) -> String {
        let words: Vec<_> = self.args.iter().map(|arg| arg.to_string_lossy()).collect();
        format!("prep {}", words.join(" "))
    }
}
