//! Documents as columns of Arrow.

use super::parquet::{message_fields, share_fields, share_item};
use super::{Content, Document, Message};
use anyhow::{Context, Result};
use arrow::array::{
    ArrayBuilder, ArrayRef, FixedSizeBinaryBuilder, Float32Builder, GenericStringBuilder,
    ListBuilder, StructBuilder, UInt64Builder,
};
use arrow::datatypes::{DataType, Field};
use std::sync::Arc;

type StringBuilder = GenericStringBuilder<i32>;

/// The columns of `documents`, in the order of [`schema`](super::parquet::schema).
///
/// # Errors
/// Never in practice: every id has 16 bytes.
pub fn columns(documents: &[Document]) -> Result<Vec<ArrayRef>> {
    let rows = documents.len();
    let size = Size::of(documents);
    let mut id = FixedSizeBinaryBuilder::with_capacity(rows, 16);
    let mut source = StringBuilder::with_capacity(rows, size.source);
    let mut record = UInt64Builder::with_capacity(rows);
    let mut kind = StringBuilder::new();
    let mut text = StringBuilder::with_capacity(rows, size.text);
    let mut messages = message_builder(size.messages);
    let mut rejected = message_builder(size.rejected);
    let mut lang = StringBuilder::new();
    let mut lang_score = Float32Builder::with_capacity(rows);
    let mut chars = UInt64Builder::with_capacity(rows);
    let mut bytes = UInt64Builder::with_capacity(rows);
    let mut meta = StringBuilder::with_capacity(rows, size.meta);
    let mut languages =
        ListBuilder::new(StructBuilder::from_fields(share_fields(), 0)).with_field(share_item());
    for document in documents {
        id.append_value(document.id.0)?;
        source.append_value(&document.source);
        record.append_value(document.record);
        kind.append_value(document.content.kind().name());
        let (plain, turns, worse): (_, Option<&[Message]>, Option<&[Message]>) = match &document
            .content
        {
            Content::Text(plain) => (Some(plain), None, None),
            Content::Chat(turns) => (None, Some(turns), None),
            Content::Preference { messages, rejected } => (None, Some(messages), Some(rejected)),
        };
        text.append_option(plain);
        append_messages(&mut messages, turns)?;
        append_messages(&mut rejected, worse)?;
        lang.append_value(&document.lang);
        lang_score.append_value(document.lang_score);
        chars.append_value(document.content.characters());
        bytes.append_value(document.content.bytes());
        meta.append_option(document.meta.as_ref());
        append_shares(&mut languages, &document.languages)?;
    }
    Ok(vec![
        Arc::new(id.finish()),
        Arc::new(source.finish()),
        Arc::new(record.finish()),
        Arc::new(kind.finish()),
        Arc::new(text.finish()),
        Arc::new(messages.finish()),
        Arc::new(rejected.finish()),
        Arc::new(lang.finish()),
        Arc::new(lang_score.finish()),
        Arc::new(chars.finish()),
        Arc::new(bytes.finish()),
        Arc::new(meta.finish()),
        Arc::new(languages.finish()),
    ])
}

/// Bytes of columns, and how many messages there are of how many bytes: buffers that grow by doubling are
/// copied again and again.
#[derive(Default)]
struct Size {
    source: usize,
    text: usize,
    meta: usize,
    messages: (usize, usize),
    rejected: (usize, usize),
}

impl Size {
    fn of(documents: &[Document]) -> Self {
        let mut size = Self::default();
        let add = |(count, bytes): &mut (usize, usize), turns: &[Message]| {
            *count += turns.len();
            *bytes += turns.iter().map(|turn| turn.content.len()).sum::<usize>();
        };
        for document in documents {
            size.source += document.source.len();
            size.meta += document.meta.as_ref().map_or(0, String::len);
            match &document.content {
                Content::Text(text) => size.text += text.len(),
                Content::Chat(turns) => add(&mut size.messages, turns),
                Content::Preference { messages, rejected } => {
                    add(&mut size.messages, messages);
                    add(&mut size.rejected, rejected);
                }
            }
        }
        size
    }
}

/// A column of so many messages of so many bytes.
fn message_builder((messages, bytes): (usize, usize)) -> ListBuilder<StructBuilder> {
    let role = StringBuilder::with_capacity(messages, 0);
    let content = StringBuilder::with_capacity(messages, bytes);
    let both: Vec<Box<dyn ArrayBuilder>> = vec![Box::new(role), Box::new(content)];
    let item = StructBuilder::new(message_fields(), both);
    ListBuilder::new(item).with_field(Field::new(
        "item",
        DataType::Struct(message_fields()),
        false,
    ))
}

fn append_messages(
    list: &mut ListBuilder<StructBuilder>,
    messages: Option<&[Message]>,
) -> Result<()> {
    let fields = list.values();
    for message in messages.unwrap_or_default() {
        let role: &mut StringBuilder = fields.field_builder(0).context("the role column")?;
        role.append_value(&message.role);
        let content: &mut StringBuilder = fields.field_builder(1).context("the content column")?;
        content.append_value(&message.content);
        fields.append(true);
    }
    list.append(messages.is_some());
    Ok(())
}

fn append_shares(list: &mut ListBuilder<StructBuilder>, shares: &[(String, f32)]) -> Result<()> {
    let fields = list.values();
    for (code, share) in shares {
        let lang: &mut StringBuilder = fields.field_builder(0).context("the lang column")?;
        lang.append_value(code);
        let amount: &mut Float32Builder = fields.field_builder(1).context("the share column")?;
        amount.append_value(*share);
        fields.append(true);
    }
    list.append(!shares.is_empty());
    Ok(())
}
