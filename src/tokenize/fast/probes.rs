//! Texts that every tokenizer has to encode as the oracle does before the fast path is used for it.

/// Words and signs of two languages, and what split patterns are known to stumble over.
pub(super) const PROBES: [&str; 14] = [
    "The quick brown fox didn't jump over 12345 lazy dogs' backs; it'll rest. HELLO'S we'Ve I'ſ",
    "Маша ела кашу, а за́мок стоял. Её «ёлка» — №5: самый-самый лучший, высокопревосходительство!",
    "Ѐтот Ꙗзык ѠѡѢѣ Українська їжа і ґрунт. Ҵҵ Қазақша сөз, Тоҷикӣ, Ћирилица.",
    "  two spaces\tand a tab\r\n\r\n\n   end   \u{a0}\u{2003}x\u{3000}\u{85}\n \u{2028} \u{2029}a \n",
    "",
    " ",
    "\n",
    "🙂🙃 👨‍👩‍👧‍👦 ☀\u{fe0f} naïve café cafe\u{301} Å ǅ ʰʲ 你好，世界！ 한국어 ภาษาไทย עברית العربية हिन्दी",
    "camelCase HTTPServer XMLHttpRequest iPhone's O'Neill A'S ǅungla'd É́tude 'tis ''s '' 'll",
    "1 12 123 1234 12345 ½ Ⅷ ٣٤٥٦ x1y22z333 1,234.56 0x7fff 10:30",
    "fn main() {\n    println!(\"{}\", a[0] + b->c); // Ответ: 42/7\r\n}\n\n\n#include <a/b.h>\n/// doc\n",
    "https://example.com/путь?q=1&r=%D0%B0#x <b>жирный</b> &nbsp; [link](a_b-c.md) **bold** ~~~ ====",
    "\u{0}\u{7}\u{1b}[31m\u{7f}\u{ad}\u{200b}\u{200e}\u{feff}\u{e000}\u{fffd}\u{10ffff}\u{378}\u{1e4e1}\u{16d40}",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
     ыыыыыыыыыыыыыыыыыыыыыыыыыыыыыыыыыыыы                                                              .",
];
