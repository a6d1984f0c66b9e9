//! Which tokenizer to take, and why, in English or Russian. A sentence stands only when the numbers
//! make it true.

use super::{LOSSLESS, Report, Row, name};
use crate::plan::Lang;
use crate::plan::quantity::{count, number};
use std::path::Path;

/// Costs that differ by less are called alike; then the smaller token table is better.
const ALIKE: f64 = 0.01;
/// From which share of the model on a token table is large.
const LARGE_TABLE: f64 = 0.4;
/// From which unused share of the vocabulary on a vocabulary of one's own is advised.
const MUCH_UNUSED: f64 = 0.5;
/// Languages whose fertility is told: those with at least this share of the sample.
const TOLD_LANGUAGE: f64 = 0.05;

fn is_exact(row: &Row) -> bool {
    row.lossless_share >= LOSSLESS
}

/// Those that come into question: the ones that give texts back; if none does, those that give back the
/// most.
fn candidates(rows: &[Row]) -> Vec<usize> {
    let most = rows
        .iter()
        .map(|row| row.lossless_share)
        .fold(0.0, f64::max);
    let least = most.min(LOSSLESS);
    (0..rows.len())
        .filter(|at| rows[*at].lossless_share >= least)
        .collect()
}

fn cheapest(rows: &[Row], of: &[usize]) -> Option<usize> {
    let cost = |at: &usize| rows[*at].training_flops;
    of.iter()
        .copied()
        .min_by(|a, b| cost(a).total_cmp(&cost(b)))
}

/// The smallest token table among those that cost nearly the least; of equal ones the first given.
pub(super) fn choose(rows: &[Row]) -> usize {
    let candidates = candidates(rows);
    let least = cheapest(rows, &candidates).map_or(0.0, |at| rows[at].training_flops);
    let alike = candidates
        .into_iter()
        .filter(|at| rows[*at].training_flops <= least * (1.0 + ALIKE));
    alike
        .min_by_key(|at| rows[*at].embedding_parameters)
        .unwrap_or(0)
}

/// The sentences.
pub(super) fn reasons(report: &Report, lang: Lang) -> Vec<String> {
    let rows = &report.tokenizers;
    let best = &rows[report.recommended];
    let say = Say { lang };
    let mut all = Vec::new();
    let candidates = candidates(rows);
    let others: Vec<usize> = (candidates.iter().copied())
        .filter(|at| *at != report.recommended)
        .collect();
    if is_exact(best) {
        all.push(say.take(
            best,
            !others.is_empty(),
            cheapest(rows, &candidates) == Some(report.recommended),
        ));
    } else {
        all.push(say.none());
    }
    all.extend(say.fertility(report, best));
    if let Some(next) = cheapest(rows, &others) {
        all.push(say.next(
            &rows[next],
            rows[next].training_flops / best.training_flops - 1.0,
        ));
    }
    let densest = (others.iter()).min_by_key(|at| rows[**at].total.tokens);
    if let Some(at) = densest.filter(|at| rows[**at].total.tokens < best.total.tokens) {
        all.push(say.denser(&rows[*at], best));
    }
    let lossy: Vec<&Row> = rows.iter().filter(|row| !is_exact(row)).collect();
    if !lossy.is_empty() {
        all.push(say.lossy(&lossy));
    }
    if best.embedding_share > LARGE_TABLE {
        all.push(say.large_table(best, &report.model));
    }
    if best.unused.share > MUCH_UNUSED {
        all.push(say.unused(best));
    }
    if !best.fast_path {
        all.push(say.slow());
    }
    all
}

struct Say {
    lang: Lang,
}

fn short(row: &Row) -> String {
    name(Path::new(&row.file))
}

impl Say {
    fn one(&self, en: String, ru: String) -> String {
        match self.lang {
            Lang::En => en,
            Lang::Ru => ru,
        }
    }

    fn n(&self, value: f64) -> String {
        number(value, self.lang)
    }

    /// `12 %`; one digit more of less than a percent, and where all but less than a percent is meant.
    fn percent(&self, share: f64) -> String {
        let percent = 100.0 * share;
        let rounded = if percent.abs() < 1.0 || (99.0..100.0).contains(&percent) {
            (percent * 10.0).round() / 10.0
        } else {
            percent.round()
        };
        format!("{} %", number(rounded, self.lang))
    }

    fn take(&self, best: &Row, others: bool, cheapest: bool) -> String {
        let name = short(best);
        match (others, cheapest) {
            (false, _) => self.one(
                format!("Take {name}: there is no other that comes into question."),
                format!("Возьмите {name}: другого подходящего среди них нет."),
            ),
            (true, true) => self.one(
                format!("Take {name}: training on the same text costs least with it."),
                format!("Возьмите {name}: с ним обучение на том же тексте обойдётся дешевле всего."),
            ),
            (true, false) => self.one(
                format!("Take {name}: training costs within 1 % of the least, and its token table is the smallest of those that do."),
                format!("Возьмите {name}: обучение с ним дороже самого дешёвого не более чем на 1 %, а таблица токенов — наименьшая среди таких."),
            ),
        }
    }

    fn none(&self) -> String {
        self.one(
            "Take none of these: a model that writes needs a tokenizer that gives every text back. `prep tokenizer train` makes one of your own text.".to_owned(),
            "Не берите ни один из них: модели, которая пишет, нужен токенизатор, восстанавливающий любой текст. `prep tokenizer train` обучит его на вашем тексте.".to_owned(),
        )
    }

    fn fertility(&self, report: &Report, best: &Row) -> Option<String> {
        let told = report
            .sample
            .iter()
            .filter(|(_, sample)| sample.share >= TOLD_LANGUAGE);
        let parts: Vec<String> = told
            .filter_map(|(language, _)| {
                let figures = best.by_language.get(language)?;
                let fertility = self.n(figures.tokens_per_word);
                Some(self.one(
                    format!("{fertility} in {language}"),
                    format!("{language} — {fertility}"),
                ))
            })
            .collect();
        let parts = parts.join(", ");
        (!parts.is_empty()).then(|| {
            self.one(
                format!("Tokens a word: {parts}."),
                format!("Токенов на слово: {parts}."),
            )
        })
    }

    fn next(&self, row: &Row, more: f64) -> String {
        let name = short(row);
        if more.abs() < 0.0005 {
            return self.one(
                format!("{name} costs the same."),
                format!("{name} стоит столько же."),
            );
        }
        let percent = self.percent(more.abs());
        if more < 0.0 {
            return self.one(
                format!("With {name} it would cost {percent} less."),
                format!("С {name} обошлось бы на {percent} дешевле."),
            );
        }
        self.one(
            format!("With the next best, {name}, it would cost {percent} more."),
            format!("Со следующим, {name}, обошлось бы на {percent} дороже."),
        )
    }

    fn denser(&self, row: &Row, best: &Row) -> String {
        let name = short(row);
        let fewer = self.percent(1.0 - row.total.tokens as f64 / best.total.tokens as f64);
        let table = count(row.embedding_parameters as f64, self.lang);
        let share = self.percent(row.embedding_share);
        self.one(
            format!("The fewest tokens are those of {name}, {fewer} fewer: so much more text fits a context; but its token table has {table} parameters, {share} of the model."),
            format!("Меньше всего токенов даёт {name}, на {fewer} меньше: настолько больше текста войдёт в контекст; но в его таблице токенов {table} параметров, {share} модели."),
        )
    }

    fn lossy(&self, rows: &[&Row]) -> String {
        let names: Vec<String> = (rows.iter())
            .map(|row| format!("{} ({})", short(row), self.percent(row.lossless_share)))
            .collect();
        let names = names.join(", ");
        self.one(
            format!("Not for a model that writes: {names}. In brackets is the share of texts whose first 2 kB come back from their tokens; the rest loses characters or spaces there."),
            format!("Не для модели, которая пишет: {names}. В скобках — доля текстов, первые 2 кБ которых восстанавливаются из токенов; остальные теряют там буквы или пробелы."),
        )
    }

    fn large_table(&self, best: &Row, model: &str) -> String {
        let share = self.percent(best.embedding_share);
        self.one(
            format!("Its token table would be {share} of a {model}: a smaller vocabulary would leave more for the layers."),
            format!("Таблица токенов займёт {share} модели {model}: меньший словарь оставил бы больше слоям."),
        )
    }

    fn unused(&self, best: &Row) -> String {
        let share = self.percent(best.unused.share);
        self.one(
            format!("{share} of its vocabulary is not met in this sample: `prep tokenizer train` makes one of your own text."),
            format!("{share} его словаря в этой выборке не встречается: `prep tokenizer train` обучит словарь на вашем тексте."),
        )
    }

    fn slow(&self) -> String {
        self.one(
            "prep encodes with it through the tokenizers crate, not on its fast path.".to_owned(),
            "prep кодирует им через библиотеку tokenizers, а не быстрым путём.".to_owned(),
        )
    }
}
