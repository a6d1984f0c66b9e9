use super::*;

fn settle_in(text: &str, typed: &[&str]) -> Result<Settled> {
    let place = tempfile::tempdir().expect("a temporary directory");
    let path = place.path().join("prep.toml");
    std::fs::write(&path, text).expect("writes");
    let args = ["prep", "--config"].map(OsString::from).into_iter();
    let args = args
        .chain([path.into_os_string()])
        .chain(typed.iter().map(OsString::from));
    settle(&crate::cmd::command(), &args.collect::<Vec<_>>())
}

/// What clap parses, without the file's name.
fn args(text: &str, typed: &[&str]) -> Vec<String> {
    let settled = settle_in(text, typed).expect("settles");
    let args = settled.args.into_iter();
    let args = args.map(|arg| arg.into_string().expect("UTF-8"));
    args.enumerate()
        .filter(|(i, _)| ![0, 1, 2].contains(i))
        .map(|(_, arg)| arg)
        .collect()
}

fn refusal(text: &str) -> String {
    let error = settle_in(text, &["shard", "c", "--out", "o"]).expect_err("refused");
    let error = format!("{error:#}");
    let (_, rest) = error.split_once("prep.toml:").expect("names the file");
    rest.to_owned()
}

const SHARD: &str = "memory = \"8GiB\"\njson = true\n[shard]\nseed = 7\nfaithful = true\nskip = [\"a\", \"b\"]\n\
                     dedup-lines = true\nthreshold = 0.9\n[tokenizer.train]\nvocab-size = 32_000\n";

#[test]
fn values_of_the_file_stand_before_those_of_the_command_line() {
    assert_eq!(
        args(SHARD, &["shard", "corpus", "--out", "o"]),
        [
            "shard",
            "--memory=8GiB",
            "--json",
            "--seed=7",
            "--faithful",
            "--skip=a",
            "--skip=b",
            "--dedup-lines",
            "--threshold=0.9",
            "corpus",
            "--out",
            "o"
        ]
    );
    assert_eq!(
        args(
            SHARD,
            &["--seed", "3", "tokenizer", "train", "c", "--out", "o"]
        ),
        [
            "--seed",
            "3",
            "tokenizer",
            "train",
            "--memory=8GiB",
            "--json",
            "--vocab-size=32000",
            "c",
            "--out",
            "o"
        ]
    );
}

#[test]
fn the_command_line_wins_over_lists_switches_and_what_it_excludes() {
    let typed = [
        "shard",
        "c",
        "--out",
        "o",
        "--skip",
        "z",
        "--json=false",
        "--faithful=false",
        "--threshold",
        "0.7",
        "--dedup-lines=20",
        "--memory=1GiB",
    ];
    assert_eq!(
        args(SHARD, &typed),
        [
            "shard",
            "--seed=7",
            "c",
            "--out",
            "o",
            "--skip",
            "z",
            "--threshold",
            "0.7",
            "--dedup-lines=20",
            "--memory=1GiB"
        ]
    );
    // A switch is off before the command, too, and behind `--` everything is an argument.
    assert_eq!(
        args("json = true", &["--json=false", "stats", "d"]),
        ["stats", "d"]
    );
    assert_eq!(
        args("json = true", &["stats", "--", "--json=false"]),
        ["stats", "--json", "--", "--json=false"]
    );
    let map = ["ingest", "s", "--out", "o", "--map", "text=t"];
    assert_eq!(args("[ingest]\nshape = \"text\"", &map), map);
    let settled = settle_in("[ingest]\nshape = \"text\"", &map).expect("settles");
    assert_eq!(settled.overridden[0].flag, "shape");
}

#[test]
fn a_required_flag_may_be_in_the_file() {
    let settled = settle_in("[shard]\nout = \"shards\"", &["shard", "corpus"]).expect("settles");
    let parsed = crate::cmd::command().try_get_matches_from(settled.args);
    let matches = parsed.expect("parses");
    let shard = matches.subcommand_matches("shard").expect("shard");
    assert_eq!(
        shard.get_one::<PathBuf>("out"),
        Some(&PathBuf::from("shards"))
    );
}

#[test]
fn keys_that_no_flag_has_are_refused_with_their_line_and_the_nearest_name() {
    for (text, wanted) in [
        (
            "[shard]\n\nvocab_size = 3",
            "3: there is no flag \"vocab_size\" in [shard]; the nearest name is \"vocab-size\"",
        ),
        (
            "sed = 3",
            "1: there is no flag \"sed\" at the top; the nearest name is \"seed\"",
        ),
        (
            "[shrad]\nseed = 3",
            "1: there is no flag \"shrad\" at the top; the nearest name is \"shard\"",
        ),
        (
            "vocab-size = 3",
            "1: vocab-size is no flag of all commands; write it below [shard] or [plan] or [tokenizer.train]",
        ),
        ("config = \"x\"", "1: config is a command"),
        (
            "shard = 3",
            "1: shard is a command; its flags stand below [shard]",
        ),
        (
            "[shard]\nfaithful = \"yes\"",
            "2: faithful is a switch: true or false, not string",
        ),
        ("[shard]\nout = [\"a\"]", "2: out is one value, not array"),
        ("[shard]\nout = true", "2: out is a value, not boolean"),
        (
            "[shard]\nskip = [[\"a\"]]",
            "2: skip is a list of strings or numbers, not array",
        ),
        ("seed = 1\nseed = 2", "2: "),
        ("seed = ", "1: "),
    ] {
        let found = refusal(text);
        assert!(
            found.starts_with(wanted),
            "{text:?} is refused with {found:?}"
        );
    }
}

#[test]
fn every_flag_of_every_command_can_be_in_the_file() {
    let tree = built(&crate::cmd::command());
    let mut text = String::new();
    let mut count = 0;
    let mut walk = vec![(String::new(), &tree)];
    while let Some((path, command)) = walk.pop() {
        if !path.is_empty() {
            text += &format!("[{path}]\n");
        }
        for arg in command.get_arguments().filter(|arg| is_setting(arg)) {
            let switch = matches!(arg.get_action(), ArgAction::SetTrue);
            let value = if switch { "true" } else { "\"1\"" };
            text += &format!("{} = {value}\n", arg.get_long().expect("a name"));
            count += 1;
        }
        for below in command.get_subcommands() {
            let name = below.get_name();
            let path = if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            };
            walk.push((path, below));
        }
    }
    let entries = file::parse(&text, Path::new("prep.toml"), &tree).expect("all are known");
    assert_eq!(entries.len(), count);
    assert!(count > 150, "{count}");
}

#[test]
fn without_a_file_and_for_help_nothing_changes() {
    for typed in [
        vec!["prep", "shard", "--help"],
        vec!["prep"],
        vec!["prep", "--json", "plan"],
    ] {
        let typed: Vec<OsString> = typed.into_iter().map(OsString::from).collect();
        let settled = settle(&crate::cmd::command(), &typed).expect("settles");
        assert_eq!(settled.args, typed);
    }
}
