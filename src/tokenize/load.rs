//! Finds and reads the files of a tokenizer: tokenizer.json, its configuration, its chat template.

use super::Tokenizer;
use super::config::TokenizerConfig;
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The name of the tokenizer in a model folder.
pub(super) const TOKENIZER: &str = "tokenizer.json";
/// The name of its configuration.
pub(super) const CONFIG: &str = "tokenizer_config.json";
/// A chat template in a file of its own, which newer folders have.
const TEMPLATE: &str = "chat_template.jinja";
/// Compressed forms that are read too.
const COMPRESSED: [&str; 2] = ["zst", "gz"];

/// Loads the tokenizer of a folder.
pub(super) fn from_dir(dir: &Path) -> Result<Tokenizer> {
    let plain = dir.join(TOKENIZER);
    let compressed = COMPRESSED.map(|extension| dir.join(format!("{TOKENIZER}.{extension}")));
    let candidates = std::iter::once(plain).chain(compressed);
    match candidates.into_iter().find(|path| path.is_file()) {
        Some(path) => from_file(&path),
        None => bail!("{} has no {TOKENIZER}", dir.display()),
    }
}

/// Loads a tokenizer.json of any name, with what lies beside it.
pub(super) fn from_file(path: &Path) -> Result<Tokenizer> {
    let json =
        read(path).with_context(|| format!("cannot read the tokenizer {}", path.display()))?;
    let mut config = match beside(path, CONFIG) {
        None => TokenizerConfig::default(),
        Some(config) => read(&config)
            .and_then(|text| TokenizerConfig::parse(&text))
            .with_context(|| format!("cannot read {}", config.display()))?,
    };
    if let Some(template) = beside(path, TEMPLATE) {
        let text = std::fs::read_to_string(&template)
            .with_context(|| format!("cannot read {}", template.display()))?;
        config.chat_template = Some(text);
    }
    Tokenizer::new(json, config).with_context(|| {
        format!(
            "{} is not a tokenizer that prep can use (a Hugging Face tokenizer.json)",
            path.display()
        )
    })
}

/// The companion `name` of a tokenizer file: `NAME.{name}` for NAME.json, else plain `name`.
///
/// The plain one belongs to tokenizer.json; beside a file of another name it counts only when no
/// tokenizer.json is there to claim it.
fn beside(path: &Path, name: &str) -> Option<PathBuf> {
    let stem = stem(path);
    let own = path.with_file_name(format!("{stem}.{name}"));
    if own.is_file() {
        return Some(own);
    }
    let plain = path.with_file_name(name);
    let claimed = stem != "tokenizer" && path.with_file_name(TOKENIZER).is_file();
    (plain.is_file() && !claimed).then_some(plain)
}

/// The file's name without `.json`, `.zst` and `.gz`.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = COMPRESSED
        .iter()
        .find_map(|extension| name.strip_suffix(&format!(".{extension}")))
        .unwrap_or(&name);
    name.strip_suffix(".json").unwrap_or(name).to_owned()
}

/// All bytes of a file, decompressed as its name says.
fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = std::fs::read(path)?;
    let mut plain = Vec::new();
    match path.extension().and_then(OsStr::to_str) {
        Some("zst") => zstd::stream::copy_decode(&bytes[..], &mut plain)?,
        Some("gz") => {
            flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut plain)?;
        }
        _ => return Ok(bytes),
    }
    Ok(plain)
}
