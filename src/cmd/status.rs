//! `prep` alone: what stands in the working directory, and what to run next.

use super::Context;
use crate::exit::Exit;
use crate::output;
use crate::table::Table;
use crate::units::{grouped, human_bytes};
use crate::workspace::{self, What, Workspace};
use anyhow::Result;
use std::path::Path;

/// Directories shown; `--json` has them all.
const MOST_ROWS: usize = 30;

/// Looks, shows.
///
/// # Errors
/// When the working directory cannot be read.
pub fn run(context: &Context) -> Result<Exit> {
    let found = workspace::look(Path::new("."))?;
    if context.json {
        output::data(&serde_json::to_string(&found)?);
        return Ok(Exit::Done);
    }
    output::data(&view(&found));
    context.note(&format!("next: {}", found.next));
    context.note("all commands: prep -h");
    Ok(Exit::Done)
}

fn view(workspace: &Workspace) -> String {
    if workspace.found.is_empty() {
        let files = match workspace.raw_files {
            0 => String::new(),
            1 => ", 1 file that prep ingest could read".to_owned(),
            files => format!(", {} files that prep ingest could read", grouped(files)),
        };
        return format!("nothing of prep here or two levels below{files}");
    }
    let mut table = Table::new(&["directory", "", "documents", "tokens", "bytes", "loss"]);
    let or_dash = |number: Option<u64>| number.map_or_else(|| "–".to_owned(), grouped);
    for found in workspace.found.iter().take(MOST_ROWS) {
        let what = match (found.what, &found.command) {
            (What::Unfinished, Some(command)) => format!("unfinished: prep {command}"),
            (what, _) => what.name().to_owned(),
        };
        table.row(vec![
            found.path.display().to_string(),
            what,
            or_dash(found.documents),
            or_dash(found.tokens),
            found.bytes.map_or_else(|| "–".to_owned(), human_bytes),
            found
                .val_loss
                .map_or_else(|| "–".to_owned(), |loss| format!("{loss:.3}")),
        ]);
    }
    let mut out = table.render();
    let more = workspace.found.len().saturating_sub(MOST_ROWS);
    if more > 0 {
        out += &format!("\nand {more} more; --json has them all");
    }
    if workspace.cut_short {
        out += "\nthere are more directories than prep looks at";
    }
    out
}
