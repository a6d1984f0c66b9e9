//! `prep ingest` of CSV as people write it: quotes that are never closed, headers with names missing,
//! one column, spaces before quotes, line ends of every kind.

use crate::support::corpus::{assert_balances, documents, places, rejects, text};
use crate::support::{Prep, cp1251, place, tree, write};
use prep::document::Content;
use std::path::Path;

/// Record, question and answer.
type Pair = (u64, String, String);

/// Questions and answers with their records.
fn pairs(corpus: &Path) -> Vec<Pair> {
    let pair = |content: Content| match content {
        Content::Chat(messages) => (messages[0].content.clone(), messages[1].content.clone()),
        other => panic!("a chat, not {other:?}"),
    };
    let pairs = documents(corpus).into_iter().map(|document| {
        let (question, answer) = pair(document.content);
        (document.record, question, answer)
    });
    pairs.collect()
}

/// What `csv` becomes: pairs, and rejects by record; `code` is how the run ends.
fn ingested(csv: &[u8], code: i32) -> (Vec<Pair>, Vec<(u64, String)>) {
    let place = place();
    let (source, corpus) = (place.path().join("a.csv"), place.path().join("corpus"));
    write(&source, csv);
    assert_balances(&Prep::ingest(&source, &corpus).code(code).json());
    (pairs(&corpus), places(&rejects(&corpus), "a.csv"))
}

fn owned(pairs: &[(u64, &str, &str)]) -> Vec<Pair> {
    let own = |(record, a, b): &(u64, &str, &str)| (*record, (*a).to_owned(), (*b).to_owned());
    pairs.iter().map(own).collect()
}

#[test]
fn a_quote_that_is_never_closed_costs_its_line() {
    for csv in [
        "question;answer\nкто?;я\n\"что?;ты\nгде?;тут\n\"как\nже?\";\"так\"\nкогда?;завтра\n",
        // The next quote opens a field of its own.
        "question;answer\nкто?;я\nчто?;\"ты\n\"где?\";\"тут\"\n\"как\nже?\";так\nкогда?;завтра\n",
        // Doubled quotes close nothing.
        "question;answer\r\nкто?;я\r\nчто?;\"\"\"ты\"\" и\r\nгде?;тут\r\n\"как\r\nже?\";так\r\nкогда?;завтра\r\n",
    ] {
        let (pairs, bad) = ingested(csv.as_bytes(), 1);
        assert_eq!(
            pairs,
            owned(&[
                (2, "кто?", "я"),
                (4, "где?", "тут"),
                (5, "как\nже?", "так"),
                (7, "когда?", "завтра"),
            ]),
            "{csv}"
        );
        assert_eq!(bad, [(3, "unclosed_quote".to_owned())], "{csv}");
    }
    // At the end of the file, with nothing but the open field behind it.
    let (pairs, bad) = ingested("question;answer\nкто?;я\nчто?;\"ты".as_bytes(), 1);
    assert_eq!(pairs, owned(&[(2, "кто?", "я")]));
    assert_eq!(bad, [(3, "unclosed_quote".to_owned())]);
}

#[test]
fn quotes_inside_fields_are_characters() {
    let csv = "question;answer\n5\" диск;да\nкакой \"диск\"?;3.5\"\n\"с \"\"кавычкой\"\"; тут\";\"\"\"так\"\"\"\n";
    let (pairs, bad) = ingested(csv.as_bytes(), 0);
    assert_eq!(
        pairs,
        owned(&[
            (2, "5\" диск", "да"),
            (3, "какой \"диск\"?", "3.5\""),
            (4, "с \"кавычкой\"; тут", "\"так\""),
        ])
    );
    assert_eq!(bad, []);
}

#[test]
fn open_quotes_are_the_same_for_any_number_of_threads() {
    let place = place();
    let source = place.path().join("a.csv");
    let mut csv = String::from("question,answer\n");
    let (mut kept, mut open) = (0, Vec::new());
    let mut line = 2;
    while csv.len() < 10 << 20 {
        match line % 1_009 {
            0 => {
                csv += &format!("\"open {line},and so on\n");
                open.push((line, "unclosed_quote".to_owned()));
                line += 1;
            }
            1 => {
                csv += &format!("\"over\ntwo lines {line}\",\"a \"\"quoted\"\" word\"\n");
                kept += 1;
                line += 2;
            }
            _ => {
                csv += &format!("question {line}?,answer of some words {line}\n");
                kept += 1;
                line += 1;
            }
        }
    }
    // Nothing closes the last one, with blocks behind it.
    csv += "\"the last,one\n";
    open.push((line, "unclosed_quote".to_owned()));
    for _ in 0..400_000 {
        csv += "one more,row\n";
        kept += 1;
    }
    write(&source, &csv);
    let mut trees = Vec::new();
    for threads in ["1", "3"] {
        let corpus = place.path().join(format!("corpus {threads}"));
        let report = Prep::ingest(&source, &corpus)
            .args(["--threads", threads])
            .code(1)
            .json();
        assert_balances(&report);
        assert_eq!(report["ledger"]["kept"]["records"], kept);
        assert_eq!(places(&rejects(&corpus), "a.csv"), open);
        trees.push(tree::of(&corpus));
    }
    assert!(trees[0] == trees[1], "the same bytes");
}

#[test]
fn headers_are_read_as_people_write_them() {
    let wanted = owned(&[(2, "кто, где?", "я"), (3, "что?", "ты; он")]);
    let excel = "question;answer;;\r\nкто, где?;я;;\r\nчто?;\"ты; он\";;\r\n;;;\r\n\r\n";
    for csv in [
        excel.as_bytes().to_vec(),
        format!("\u{feff}{excel}").into_bytes(),
        // Excel leaves the empty ends of some rows out.
        "question;answer;;\nкто, где?;я\nчто?;\"ты; он\";\n"
            .as_bytes()
            .to_vec(),
        cp1251("Вопрос;Ответ;\r\nкто, где?;я;\r\nчто?;\"ты; он\";\r\n"),
        "\"Вопрос\"\t\"Ответ\"\nкто, где?\tя\nчто?\tты; он\n"
            .as_bytes()
            .to_vec(),
        "вопрос|ответ\nкто, где?|я\nчто?|ты; он\n\n\n"
            .as_bytes()
            .to_vec(),
        "question, answer\n\"кто, где?\", \"я\"\n\"что?\",  \"ты; он\"\n"
            .as_bytes()
            .to_vec(),
        // Rows that end with carriage returns alone.
        "question,answer\r\"кто, где?\",я\rчто?,ты; он\r"
            .as_bytes()
            .to_vec(),
        // The second column of a name keeps its own.
        "question,answer,question\n\"кто, где?\",я,\nчто?,ты; он,\n"
            .as_bytes()
            .to_vec(),
    ] {
        let (pairs, bad) = ingested(&csv, 0);
        assert_eq!(pairs, wanted, "{}", String::from_utf8_lossy(&csv));
        assert_eq!(bad, []);
    }
    // A field where the header has none is data that has no place.
    let (pairs, bad) = ingested("question;answer\nкто?;я;лишнее\nчто?;ты;\n".as_bytes(), 1);
    assert_eq!(pairs, owned(&[(3, "что?", "ты")]));
    assert_eq!(bad, [(2, "wrong_width".to_owned())]);
}

#[test]
fn a_header_in_the_middle_is_no_chat() {
    for again in [
        "question;answer",
        "\u{feff}question;answer",
        " question ;\"answer\"",
    ] {
        let csv = format!("question;answer;\nкто?;я;\n{again};\nчто?;ты;\n");
        let (pairs, bad) = ingested(csv.as_bytes(), 1);
        assert_eq!(pairs, owned(&[(2, "кто?", "я"), (4, "что?", "ты")]));
        assert_eq!(bad, [(3, "repeated_header".to_owned())]);
    }
}

#[test]
fn one_column_of_texts_is_read() {
    for csv in [
        "text\nРаз, два; три.\n\"Четыре, \"\"пять\"\"\"\n",
        "\u{feff}\"text\"\r\nРаз, два; три.\r\n\"Четыре, \"\"пять\"\"\"\r\n\r\n",
        "text\rРаз, два; три.\r\"Четыре, \"\"пять\"\"\"",
    ] {
        let place = place();
        let (source, corpus) = (place.path().join("a.csv"), place.path().join("corpus"));
        write(&source, csv);
        assert_balances(&Prep::ingest(&source, &corpus).json());
        let documents = documents(&corpus);
        let texts: Vec<_> = documents
            .iter()
            .map(|document| (document.record, text(document)))
            .collect();
        assert_eq!(
            texts,
            [(2, "Раз, два; три."), (3, "Четыре, \"пять\"")],
            "{csv}"
        );
    }
}

/// What the same rows become as a TSV file.
fn ingested_tsv(tsv: &str) -> Vec<Pair> {
    let place = place();
    let (source, corpus) = (place.path().join("a.tsv"), place.path().join("corpus"));
    write(&source, tsv);
    assert_balances(&Prep::ingest(&source, &corpus).json());
    pairs(&corpus)
}

#[test]
fn tsv_that_does_not_quote_keeps_its_quotation_marks() {
    let said = "question\tanswer\n\"Привет\", — сказал он.\t\"Hello,\" he said.\nкто?\tя\n";
    assert_eq!(
        ingested_tsv(said),
        owned(&[
            (2, "\"Привет\", — сказал он.", "\"Hello,\" he said."),
            (3, "кто?", "я"),
        ])
    );
    // The next line closes what nothing opened.
    assert_eq!(
        ingested_tsv("question\tanswer\nx\t\"y\nz\tw\"\nкто?\tя\n"),
        owned(&[(2, "x", "\"y"), (3, "z", "w\""), (4, "кто?", "я")])
    );
    // A title in quotes is no sign that the file quotes: most of its fields are bare.
    assert_eq!(
        ingested_tsv(
            "question\tanswer\nчто?\t\"Война и мир\"\nкак?\t\"Так\", — сказал.\nкто?\tя\n"
        ),
        owned(&[
            (2, "что?", "\"Война и мир\""),
            (3, "как?", "\"Так\", — сказал."),
            (4, "кто?", "я"),
        ])
    );
}

#[test]
fn tsv_that_quotes_is_read_so() {
    for tsv in [
        "question\tanswer\n\"кто\nже?\"\t\"я\tсам\"\n",
        "question\tanswer\nкто?\t\"я \"\"сам\"\"\"\n",
    ] {
        let found = ingested_tsv(tsv);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(!found[0].2.starts_with('"'), "{found:?}");
    }
    // One quote that is not closed among many that are.
    let mut tsv = "\"question\"\t\"answer\"\n".to_owned();
    for row in 0..20 {
        tsv.push_str(&format!("\"вопрос {row}\"\t\"ответ {row}\"\n"));
    }
    tsv.push_str("\"последний\" вопрос\t\"ответ\"\n");
    let found = ingested_tsv(&tsv);
    assert_eq!(found.len(), 21);
    assert_eq!(
        found[19],
        (21, "вопрос 19".to_owned(), "ответ 19".to_owned())
    );
    assert_eq!(found[20].1, "последний вопрос");
}

#[test]
fn padding_of_columns_is_no_indentation() {
    let aligned = "question;            answer\nкто?;                я\nчто за слово?;       ты\n";
    let (pairs, _) = ingested(aligned.as_bytes(), 0);
    assert_eq!(
        pairs,
        owned(&[(2, "кто?", "я"), (3, "что за слово?", "ты")])
    );
    let code = "question,answer\nq,    return x\nr,\"    if x:\n        y\"\n";
    let (pairs, _) = ingested(code.as_bytes(), 0);
    assert_eq!(
        pairs,
        owned(&[(2, "q", "    return x"), (3, "r", "    if x:\n        y")])
    );
    // What is deeper than the others is indented by the rest.
    let deeper = "question;    answer\nq;    a\nr;    b\ns;    c\nt;      return x\n";
    let (pairs, _) = ingested(deeper.as_bytes(), 0);
    assert_eq!(pairs[2].2, "c");
    assert_eq!(pairs[3].2.trim_start(), "return x");
    // A quoted cell says what it holds, however far below the padded ones.
    let mut long = "question;     answer\n".to_owned();
    for number in 0..300 {
        long += &format!("q{number};     a{number}\n");
    }
    long += "code;\"    if x:\n        y\"\n";
    let (pairs, _) = ingested(long.as_bytes(), 0);
    assert_eq!(pairs[299].2, "a299");
    assert_eq!(pairs[300].2, "    if x:\n        y");
}

#[test]
fn rows_of_empty_cells_are_left_out_by_name_and_empty_lines_are_none() {
    let place = place();
    let (source, corpus) = (place.path().join("a.csv"), place.path().join("corpus"));
    write(
        &source,
        "question,answer\nq1,a1\n,\nq4,a4\n\n\" \",\"\"\n   \n",
    );
    let report = Prep::ingest(&source, &corpus).json();
    let ledger = &report["ledger"];
    assert_eq!(ledger["read"]["records"], 4, "{ledger}");
    assert_eq!(ledger["kept"]["records"], 2, "{ledger}");
    assert_eq!(ledger["dropped"]["blank_row"]["records"], 2, "{ledger}");
    assert_eq!(ledger["dropped"]["blank_row"]["bytes"], 7, "{ledger}");
}

#[test]
fn a_table_of_empty_cells_holds_nothing() {
    let place = place();
    let (source, corpus) = (place.path().join("a.tsv"), place.path().join("corpus"));
    write(&source, "question\tanswer\n\t\n \t \n");
    let report = Prep::ingest(&source, &corpus).code(1).json();
    let ledger = &report["ledger"];
    assert_eq!(ledger["dropped"]["blank_row"]["records"], 2, "{ledger}");
    assert_eq!(ledger["rejected"]["empty_source"]["records"], 1, "{ledger}");
}

#[test]
fn the_answers_of_a_file_say_whether_numbers_are_places_or_options() {
    let answers = |csv: &str, flags: &[&str]| -> Vec<String> {
        let place = place();
        let (source, corpus) = (place.path().join("a.csv"), place.path().join("corpus"));
        write(&source, csv);
        Prep::ingest(&source, &corpus).args(flags).json();
        let chats = documents(&corpus).into_iter();
        let last = |content| match content {
            Content::Chat(mut turns) => turns.pop().expect("a turn").content,
            other => panic!("a chat, not {other:?}"),
        };
        chats.map(|document| last(document.content)).collect()
    };
    let header = "question,choice1,choice2,choice3,choice4,answer\n";
    let places =
        format!("{header}2+2=?,3,4,5,1,1\n7+0=?,7,8,9,10,0\nCapital?,Paris,Rome,Oslo,Bern,0\n");
    for flags in [&[][..], &["--first-option", "0"]] {
        // The last line needs no end.
        for csv in [places.as_str(), places.trim_end()] {
            assert_eq!(answers(csv, flags), ["4", "7", "Paris"], "{flags:?}");
        }
    }
    let last = "question,option1,option2,option3,answer\nq1,x,y,z,1\nq2,x,y,z,0";
    assert_eq!(answers(last, &[]), ["y", "x"]);
    let options =
        format!("{header}1+2=?,2,3,4,5,3\n3+3=?,7,6,8,9,6\nCapital?,Paris,Rome,Oslo,Bern,Oslo\n");
    assert_eq!(answers(&options, &[]), ["3", "6", "Oslo"]);
    let nothing = format!("{header}1+2=?,2,3,4,5,3\n");
    assert_eq!(answers(&nothing, &["--first-option", "1"]), ["4"]);
}
