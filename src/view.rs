//! The ledger as a person reads it.

use crate::ledger::{Count, Ledger, Ledgers};
use crate::table::Table;
use crate::units::grouped;
use std::collections::BTreeMap;

/// Sources shown before the rest is summed up; `--json` has them all.
const MOST_ROWS: usize = 40;

/// The ledger of a command: the funnel, then by source, language and kind.
#[must_use]
pub fn ledger(ledgers: &Ledgers) -> String {
    let mut out = funnel(&ledgers.ledger);
    for (name, map) in [
        ("source", &ledgers.by_source),
        ("language", &ledgers.by_language),
        ("kind", &ledgers.by_kind),
    ] {
        out += "\n\n";
        out += &breakdown(name, map);
    }
    out
}

/// What was read and where it went, a line for each reason.
fn funnel(ledger: &Ledger) -> String {
    let mut table = Table::new(&["ledger", "records", "characters", "bytes", "tokens"]);
    let mut row = |name: String, count: &Count| {
        let tokens = count.tokens.map_or_else(|| "–".to_owned(), grouped);
        table.row(vec![
            name,
            grouped(count.records),
            grouped(count.characters),
            grouped(count.bytes),
            tokens,
        ]);
    };
    row("read".to_owned(), &ledger.read);
    row("  kept".to_owned(), &ledger.kept);
    for (name, counts) in [("dropped", &ledger.dropped), ("rejected", &ledger.rejected)] {
        for (reason, count) in counts {
            row(format!("  {name}: {reason}"), count);
        }
    }
    table.render()
}

fn breakdown(name: &str, ledgers: &BTreeMap<String, Ledger>) -> String {
    let mut table = Table::new(&[
        name,
        "read",
        "kept",
        "dropped",
        "rejected",
        "characters kept",
        "tokens kept",
    ]);
    let mut row = |name: &str, ledger: &Ledger| {
        table.row(vec![
            name.to_owned(),
            grouped(ledger.read.records),
            grouped(ledger.kept.records),
            grouped(ledger.dropped_total().records),
            grouped(ledger.rejected_total().records),
            grouped(ledger.kept.characters),
            ledger.kept.tokens.map_or_else(|| "–".to_owned(), grouped),
        ]);
    };
    let shown = if ledgers.len() > MOST_ROWS {
        MOST_ROWS - 1
    } else {
        ledgers.len()
    };
    for (name, ledger) in ledgers.iter().take(shown) {
        row(name, ledger);
    }
    if shown < ledgers.len() {
        let mut rest = Ledger::default();
        for ledger in ledgers.values().skip(shown) {
            rest += ledger;
        }
        row(&format!("and {} more", ledgers.len() - shown), &rest);
    }
    table.render()
}
