//! What the pages say, in both languages: one row a phrase.

use crate::plan::quantity::Lang;

/// A phrase: English, Russian.
#[derive(Clone, Copy, Debug)]
pub struct Phrase(pub &'static str, pub &'static str);

impl Phrase {
    /// The phrase in a language.
    #[must_use]
    pub fn of(self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.0,
            Lang::Ru => self.1,
        }
    }
}

/// Declares the table.
macro_rules! phrases {
    ($($name:ident: $en:literal, $ru:literal;)*) => {
        $(#[doc = $en] pub const $name: Phrase = Phrase($en, $ru);)*
        /// All of them, for tests.
        #[cfg(test)]
        pub const ALL: &[Phrase] = &[$($name),*];
    };
}

phrases! {
    INGEST: "Ingest: what was read", "Приём: что прочитано";
    SHARD: "Shards: what the model will see", "Шарды: что увидит модель";
    TRAIN: "Training: how the model learned", "Обучение: как училась модель";
    SKIP: "Skip to the content", "К содержанию";
    CONTENTS: "Contents", "Содержание";
    SUMMARY: "At a glance", "Коротко";
    FUNNEL: "Where the records went", "Куда ушли записи";
    FUNNEL_SAYS: "Every record that was read is kept, dropped by a rule, or rejected by an error; the three add up.", "Каждая прочитанная запись оставлена, отброшена правилом или отвергнута с ошибкой; вместе они дают прочитанное.";
    RECORDS: "records", "записи";
    DOCUMENTS: "documents", "документы";
    CHARACTERS: "characters", "символы";
    BYTES: "bytes", "байты";
    TOKENS: "tokens", "токены";
    READ: "read", "прочитано";
    KEPT: "kept", "оставлено";
    DROPPED: "dropped", "отброшено";
    REJECTED: "rejected", "отвергнуто";
    STEP: "step", "шаг";
    LANGUAGES: "Languages", "Языки";
    LANGUAGE: "language", "язык";
    SOURCES: "Sources", "Источники";
    SOURCE: "source", "источник";
    KINDS: "Kinds of documents", "Виды документов";
    KIND: "kind", "вид";
    FORMAT: "format", "формат";
    ENCODING: "encoding", "кодировка";
    CHARACTERS_KEPT: "characters kept", "символов оставлено";
    TOKENS_KEPT: "tokens kept", "токенов оставлено";
    LENGTHS: "Lengths of documents", "Длины документов";
    LENGTHS_CHARACTERS: "Documents by their characters; each column is of lengths from its label on up to twice that.", "Документы по числу символов; столбец — длины от подписи под ним до вдвое большей.";
    LENGTHS_TOKENS: "Documents in the shards by their tokens; each column is of lengths from its label on up to twice that.", "Документы в шардах по числу токенов; столбец — длины от подписи под ним до вдвое большей.";
    TOKENS_BY_SOURCE: "Tokens by source", "Токены по источникам";
    TOKENS_BY_LANGUAGE: "Tokens by language", "Токены по языкам";
    TEXT_BY_LANGUAGE: "Characters by language", "Символы по языкам";
    REPAIRS: "Repairs", "Исправления";
    REPAIR: "repair", "исправление";
    TIMES: "times", "раз";
    NOTHING_REPAIRED: "Nothing had to be repaired.", "Исправлять было нечего.";
    REPAIRED_LINE_ENDS: "line ends made newlines (texts)", "концы строк приведены к \\n (тексты)";
    REPAIRED_MARKS: "byte order marks removed (texts)", "убраны метки порядка байтов (тексты)";
    REPAIRED_RESCUED: "lines in another encoding, decoded from it (lines)", "строки в другой кодировке прочитаны в ней (строки)";
    REPAIRED_JSON: "JSON with NaN, halves of emoji or bare control characters (records)", "JSON с NaN, половинами эмодзи или управляющими символами (записи)";
    REPAIRED_MOJIBAKE: "mojibake repaired (lines)", "кракозябры исправлены (строки)";
    REPAIRED_LEFT: "mojibake left alone: letters are lost or the repair is not certain (lines)", "кракозябры оставлены: буквы утрачены или исправление не наверняка (строки)";
    REPAIRED_PAGES: "headers, footers and page numbers removed (lines)", "убраны колонтитулы и номера страниц (строки)";
    REPAIRED_LAYOUT: "indentation of page layouts removed (lines)", "убраны отступы вёрстки страниц (строки)";
    REPAIRED_HYPHENS: "words cut at line ends, joined (words)", "слова с переносами соединены (слова)";
    REPAIRED_ANSI: "terminal escape sequences removed (sequences)", "убраны управляющие последовательности терминала";
    REPAIRED_OVERSTRIKES: "overstrikes of man pages made plain (characters)", "убраны надпечатки man-страниц (символы)";
    REPAIRED_WINDOWS: "punctuation of windows-1252 that was control characters (characters)", "знаки windows-1252, ставшие управляющими символами, восстановлены (символы)";
    REPAIRED_CONTROLS: "control characters removed (characters)", "убраны управляющие символы (символы)";
    REPAIRED_SOFT: "soft hyphens removed (characters)", "убраны мягкие переносы (символы)";
    REPAIRED_ZERO: "zero-width characters removed (characters)", "убраны символы нулевой ширины (символы)";
    REPAIRED_BIDI: "marks of writing direction removed (characters)", "убраны знаки направления письма (символы)";
    REPAIRED_SEPARATORS: "U+2028 and U+2029 made newlines (characters)", "U+2028 и U+2029 заменены на \\n (символы)";
    REPAIRED_NFC: "letters in pieces composed (lines)", "буквы собраны из частей, NFC (строки)";
    REPAIRED_BYTES: "bytes that are no character, made U+FFFD (places)", "байты, не являющиеся символами, заменены на U+FFFD (места)";
    REJECTS: "Records that could not be read", "Записи, которые не удалось прочитать";
    REMOVED: "Documents that were removed", "Удалённые документы";
    SAMPLE_SAYS: "A sample: of each reason those whose ids have the smallest hashes, so that the choice favours nothing. All of them are in the directory.", "Выборка: от каждой причины те, чьи id имеют наименьший хеш, поэтому выбор ничему не отдаёт предпочтения. Все целиком лежат в каталоге.";
    SEARCH: "Search", "Искать";
    REASON: "reason", "причина";
    ALL_REASONS: "all reasons", "все причины";
    SHOWN: "shown: ", "показано: ";
    NOTHING_REMOVED: "Nothing was removed.", "Ничего не удалено.";
    NOTHING_REJECTED: "Every record could be read.", "Все записи удалось прочитать.";
    VALUE: "value", "значение";
    THRESHOLD: "threshold", "порог";
    SIMILARITY: "similarity", "сходство";
    NEAR: "Near copies", "Почти-копии";
    NEAR_SAYS: "Near copies that were removed, by their similarity to the document that is kept (Jaccard of word 5-grams).", "Удалённые почти-копии по сходству с оставленным документом (Жаккар по словным 5-граммам).";
    DIFF_SAYS: "Difference to the document that is kept", "Отличие от оставленного документа";
    ONLY_REMOVED: "only in the removed one", "только в удалённом";
    ONLY_KEPT: "only in the kept one", "только в оставленном";
    KEPT_ELSEWHERE: "The kept document is not in these shards.", "Оставленного документа нет в этих шардах.";
    KEPT_DOCUMENT: "stays instead:", "вместо него остаётся";
    KEPT_EARLIER: "stands in the earlier set:", "есть в прежнем наборе:";
    CUT: "Only the beginning is shown.", "Показано только начало.";
    NO_NEAR: "No near copies were removed.", "Почти-копий не удалено.";
    MORE_ROWS: "rows are left out here; report.json has them all:", "строк здесь опущено; все есть в report.json:";
    OTHERS: "others", "остальные";
    SPLIT: "split or kind", "часть или вид";
    LOSS_TOKENS: "in the loss", "в функции потерь";
    BYTES_PER_TOKEN: "bytes a token", "байт на токен";
    TOKENS_PER_WORD: "tokens a word", "токенов на слово";
    MEDIAN: "median length", "медианная длина";
    LONGEST: "longest", "самый длинный";
    VOCABULARY: "vocabulary", "словарь";
    DATA_PARTS: "Tokens in the shards", "Токены в шардах";
    STEPS: "steps", "шаги";
    PARAMETERS: "parameters", "параметры";
    TRAIN_LOSS: "training loss, nats a token", "потери на обучении, нат на токен";
    TRAIN_LOSS_PAIR: "training loss, nats a pair", "потери на обучении, нат на пару";
    VAL_LOSS_PAIR: "validation loss, nats a pair", "потери на проверке, нат на пару";
    TRAIN_LOSS_DOCUMENT: "training loss, nats a document", "потери на обучении, нат на документ";
    VAL_LOSS_DOCUMENT: "validation loss, nats a document", "потери на проверке, нат на документ";
    ACCURACY_PAIRS: "pairs told rightly, share", "доля верно различённых пар";
    MARGIN: "margin of the rewards", "разрыв наград";
    ACCURACY_LABELS: "labels told rightly, share", "доля верных меток";
    MACRO_F1: "macro F1", "F1 в среднем по меткам";
    LOSS_SAYS_OTHER: "What the objective makes of a pair of answers or a document; of long runs the mean of neighbouring steps.", "Что цель обучения даёт на пару ответов или документ; в длинных запусках среднее соседних шагов.";
    VAL_LOSS: "validation loss, nats a token", "потери на проверке, нат на токен";
    BITS: "bits a byte", "бит на байт";
    PERPLEXITY: "perplexity", "перплексия";
    SPEED: "tokens a second", "токенов в секунду";
    MFU: "share of the peak (MFU)", "доля пика (MFU)";
    PEAK: "the peak, TFLOP/s", "пик, TFLOP/s (терафлопс)";
    WAIT: "share of waiting for data", "доля ожидания данных";
    SKIPPED: "steps left out", "пропущено шагов";
    ROLLBACKS: "rollbacks", "откатов";
    DEVICE: "device", "устройство";
    LOSS_CURVES: "Loss", "Потери";
    LOSS_SAYS: "Nats for each counted token, by step; of long runs the mean of neighbouring steps.", "Нат на учтённый токен по шагам; у длинных прогонов среднее соседних шагов.";
    TRAINING: "training", "обучение";
    VALIDATION: "validation", "проверка";
    BY_SOURCE: "Validation loss by source", "Потери на проверке по источникам";
    BY_LANGUAGE: "Validation loss by language", "Потери на проверке по языкам";
    BY_SET: "Loss of the named validation sets", "Потери на именованных проверочных наборах";
    SET: "validation set", "проверочный набор";
    LOSS: "loss", "потери";
    RATE: "Learning rate", "Скорость обучения";
    GRADIENT: "Norm of the gradient", "Норма градиента";
    EVALUATIONS: "At the end, by set, source and language", "В конце, по наборам, источникам и языкам";
    ANSWERS: "What the model said", "Что отвечала модель";
    PACKING: "How documents fill sequences", "Как документы заполняют последовательности";
    PADDED: "padding share", "доля заполнителя";
    TRUNCATED: "share cut off", "доля отрезанного";
    SILENT: "share left out, nothing to learn in it", "доля опущенного, учить в нём нечего";
    SILENT_DOCUMENTS: "documents left out, nothing to learn in them", "опущено документов, учить в них нечего";
    VAL_TRUNCATED: "counted validation tokens cut off", "отрезано учитываемых токенов проверки";
    SEQUENCES: "sequences of an epoch", "последовательностей в эпохе";
    MADE_BY: "Made by prep from report.json beside this page; no network is used.", "Сделано prep из report.json рядом с этой страницей; сеть не используется.";
    NONE: "none", "нет";
}
