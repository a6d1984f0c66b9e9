//! The rules, one or one family a file. Each file's docs have one shape: what it drops, why, an
//! example, the source, and where prep departs from it. The rows are listed in `table.rs`.

#![allow(
    clippy::unnecessary_wraps,
    reason = "all measurements have the signature of the table's column"
)]
#![allow(
    clippy::doc_markdown,
    reason = "FineWeb and GlotLID are names, not code"
)]

pub mod c4_clean;
pub mod c4_document;
pub mod char_dup;
pub mod dup_lines;
pub mod dup_ngrams;
pub mod dup_paragraphs;
pub mod gopher_alpha;
pub mod gopher_length;
pub mod gopher_lines;
pub mod gopher_stop_words;
pub mod gopher_symbols;
pub mod gopher_word_length;
pub mod language;
pub mod line_punct;
pub mod list_ratio;
pub mod lost_characters;
pub mod no_letters;
pub mod qa_empty;
pub mod qa_equal;
pub mod qa_language;
pub mod qa_preference;
pub mod qa_refusal;
pub mod qa_roles;
pub mod short_lines;
pub mod top_ngrams;
