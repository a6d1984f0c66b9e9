//! What is said of XML that nobody asked for: how to read it, by what it is.

/// What reads an XML document, by its first element.
#[must_use]
pub fn remedy(text: &str) -> &'static str {
    let begins = |tag: &&str| !tag.starts_with(['?', '!']);
    let root = text.split('<').skip(1).find(begins).unwrap_or_default();
    let name = root.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/'));
    let name = name.map(|name| name.rsplit(':').next().unwrap_or(name));
    match name.take(1).next().unwrap_or_default() {
        "FictionBook" => {
            "a FictionBook is read only when asked for: --as text takes its paragraphs, without its pictures and what is said of the book"
        }
        "mediawiki" => {
            "a dump of MediaWiki is read only when asked for: --as text takes titles and pages with their wiki markup; for text without it extract that first (WikiExtractor --json) and ingest what it writes"
        }
        "TEI" | "TEI.2" | "teiCorpus" | "book" | "article" | "chapter" | "refentry" | "set" => {
            "XML is read only when asked for: --as text takes its text without the tags and the header"
        }
        "posts" | "comments" | "users" | "votes" | "tags" | "badges" | "posthistory"
        | "postlinks"
            if text.contains("<row ") =>
        {
            "a dump of Stack Exchange has its text in attributes, which are not read: write its rows as JSON lines or CSV (question and answer beside each other) and ingest that"
        }
        "rss" | "feed" | "rdf" | "urlset" | "sitemapindex" => {
            "a feed holds no more than the beginnings of pages: ingest the pages themselves; --as text takes what it has without the tags"
        }
        "tmx" | "xliff" => {
            "a translation memory is read only when asked for, and --as text puts both languages behind one another: write its pairs as JSON lines or CSV and ingest that"
        }
        _ => {
            "XML is read only when asked for: --as text takes its text without the tags (what stands in attributes is not read), --as html reads it as a page"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_element_tells_what_helps() {
        for (text, says) in [
            (
                "<?xml version='1.0'?>\n<FictionBook xmlns=''>",
                "its pictures",
            ),
            ("<!-- x -->\n<mediawiki>", "WikiExtractor"),
            ("<?xml version='1.0'?><tei:TEI>", "the header"),
            (
                "<?xml version='1.0'?><posts>\n <row Id='1' Body='b' />",
                "in attributes, which are not read",
            ),
            ("<rss version='2.0'>", "a feed"),
            ("<tmx version='1.4'>", "both languages"),
            ("<doc/>", "--as html"),
        ] {
            assert!(remedy(text).contains(says), "{text}");
        }
    }
}
