//! The skeleton of a page: landmarks, contents, style, script.

use super::html::{escape, value};
use super::reduced::Reduced;
use super::strings::{self as s, Phrase};
use crate::plan::quantity::Lang;
use serde_json::Value;

/// A page under construction.
pub struct Page<'a> {
    lang: Lang,
    /// The report that its numbers are from.
    pub report: &'a Value,
    reduced: &'a Reduced,
    title: Phrase,
    sections: Vec<(Phrase, String)>,
}

impl<'a> Page<'a> {
    /// An empty page on `report`.
    #[must_use]
    pub fn new(lang: Lang, reduced: &'a Reduced) -> Self {
        Self {
            lang,
            report: &reduced.report,
            reduced,
            title: s::SUMMARY,
            sections: Vec::new(),
        }
    }

    /// Names the page.
    pub fn title(&mut self, title: Phrase) {
        self.title = title;
    }

    /// The phrase in the page's language.
    #[must_use]
    pub fn say(&self, phrase: Phrase) -> &'static str {
        phrase.of(self.lang)
    }

    /// The page's language.
    #[must_use]
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// What is left out of the report that has it whole.
    #[must_use]
    pub fn reduced(&self) -> &Reduced {
        self.reduced
    }

    /// Appends a section of HTML.
    pub fn section(&mut self, heading: Phrase, body: String) {
        self.sections.push((heading, body));
    }

    /// The number at `pointer` of the report.
    #[must_use]
    pub fn value(&self, pointer: &str) -> String {
        value(self.report, pointer, self.lang)
    }

    /// Names and places of numbers, as cards.
    #[must_use]
    pub fn cards(&self, cards: &[(Phrase, &str)]) -> String {
        let mut out = String::from("<dl class=\"cards\">");
        for (name, pointer) in cards {
            out += &format!(
                "<div><dt>{}</dt><dd>{}</dd></div>",
                escape(self.say(*name)),
                self.value(pointer)
            );
        }
        out + "</dl>"
    }

    /// A paragraph below a heading.
    #[must_use]
    pub fn note(&self, phrase: Phrase) -> String {
        format!("<p class=\"note\">{}</p>", escape(self.say(phrase)))
    }

    /// The whole page.
    #[must_use]
    pub fn render(&self) -> String {
        let title = escape(self.say(self.title));
        let code = match self.lang {
            Lang::En => "en",
            Lang::Ru => "ru",
        };
        let mut out = format!(
            "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#main\">{}</a>\n<header><p class=\"brand\">prep</p><h1>{title}</h1>\n\
             <nav aria-label=\"{}\"><ul>",
            escape(self.say(s::SKIP)),
            escape(self.say(s::CONTENTS)),
        );
        for (number, (heading, _)) in self.sections.iter().enumerate() {
            out += &format!(
                "<li><a href=\"#s{number}\">{}</a></li>",
                escape(self.say(*heading))
            );
        }
        out += "</ul></nav></header>\n<main id=\"main\">\n";
        for (number, (heading, body)) in self.sections.iter().enumerate() {
            out += &format!(
                "<section aria-labelledby=\"s{number}\"><h2 id=\"s{number}\">{}</h2>\n{body}</section>\n",
                escape(self.say(*heading))
            );
        }
        out += &format!(
            "</main>\n<footer><p>{}</p></footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
            escape(self.say(s::MADE_BY))
        );
        out
    }
}

/// The style. Colours pass 4.5 : 1 for text in both schemes (WCAG 2.2, 1.4.3).
const STYLE: &str = include_str!("page.css");

/// The script: searching the samples. Without it all of them are shown.
const SCRIPT: &str = include_str!("page.js");
