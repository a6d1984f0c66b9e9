use super::*;

fn text(html: &str) -> String {
    extract(html).expect("is read").text
}

const PROSE: &str =
    "Длинный абзац о погоде, о море и о том, что было на берегу вчера вечером, после дождя. ";

#[test]
fn blocks_lists_tables_and_code_are_readable() {
    let html = "<html><head><title> A\n page </title></head><body><h1>Big <i>thing</i></h1>\
        <p>One  two\n three&nbsp;&mdash; «four» &lt;5&gt;<br>next line</p>\
        <ul><li>a<li><p>b</p><ol start=3><li>c</li><li>d</li></ol></ul>\
        <dl><dt>term<dd><p>meaning</p></dl>\
        <table><caption>Sizes</caption><tr><th>name<th>size</tr><tr><td><p>x</p><td> 1\n2 </td></tr><tr><td></table>\
        <pre class='x'>\n  let a = 1;\n\n\tif a &lt; b {}\n</pre><p>The end.</p></body></html>";
    let page = extract(html).expect("is read");
    assert_eq!(page.title.as_deref(), Some("A page"));
    assert_eq!(
        page.text,
        "# Big thing\n\nOne two three\u{a0}— «four» <5>\nnext line\n\n- a\n- b\n  3. c\n  4. d\n\n\
         term\nmeaning\n\nSizes\nname | size\nx | 1 2\n\n```\n  let a = 1;\n\n\tif a < b {}\n```\n\nThe end."
    );
}

#[test]
fn code_keeps_its_white_space_wherever_it_stands() {
    let code = "def f():\n    return \"```\"\n\n\n    # end";
    let html = format!(
        "<p>{PROSE}</p><ul><li>first<pre><code class='language-python hljs'><span>{code}</span></code></pre>more</li></ul>\
         <table><tr><td class='linenos'><pre>1\n2</pre></td><td><pre>a\n  b</pre></td></tr></table>"
    );
    let text = text(&html);
    assert!(
        text.contains(&format!("- first\n\n````python\n{code}\n````\n\n  more")),
        "{text}"
    );
    assert!(text.ends_with("```\na\n  b\n```"), "{text}");
}

#[test]
fn what_is_around_the_text_is_left_out() {
    let links: String = (0..8)
        .map(|i| format!("<li><a href='/{i}'>Раздел {i}</a></li>"))
        .collect();
    let html = format!(
        "<body><header><a href=/>Логотип</a></header><nav><ul>{links}</ul></nav><div class=menu><ul>{links}</ul></div>\
         <div id='cookie-banner'>Мы используем куки, чтобы сайт работал. <button>Принять</button></div>\
         <div class='col'><h1>Заголовок</h1><p>{PROSE}</p><ul>{links}</ul><p>{PROSE}<a href=x>ссылка</a></p>\
         <div class='share'>Поделиться</div><form><label>Почта</label><input></form></div>\
         <table><tr><td><a href=a>Пред.</a><td><a href=b>След.</a><td><a href=c>Вверх</a><td><a href=d>Начало</a></table>\
         <aside>Реклама в сторонке</aside><footer>© 2026</footer><script>var x = '<p>script</p>';</script>\
         <style>p {{}}</style><noscript>включите</noscript><p style='display: none'>скрыто</p></body>"
    );
    let prose = PROSE.trim_end();
    assert_eq!(
        text(&html),
        format!("# Заголовок\n\n{prose}\n\n{prose} ссылка")
    );
}

#[test]
fn the_main_part_is_taken_where_it_is_marked() {
    let html = format!(
        "<body><div>Тут много слов о сайте. {PROSE}</div><main><h2>Тема</h2><p>{PROSE}</p></main><div>{PROSE}</div></body>"
    );
    assert_eq!(text(&html), format!("## Тема\n\n{}", PROSE.trim_end()));
    // A main part with next to nothing in it is no main part.
    let html = format!("<body><main>x</main><p>{}</p></body>", PROSE.repeat(5));
    assert!(text(&html).contains("берегу"));
    let html = format!(
        "<body><p>вступление</p><article><p>{PROSE}</p></article><article><p>{PROSE}</p></article></body>"
    );
    assert_eq!(text(&html), format!("{0}\n\n{0}", PROSE.trim_end()));
}

#[test]
fn tables_that_hold_no_data_are_blocks() {
    let html = format!(
        "<p>{PROSE}</p><table><tr><td><img alt='[Note]'></td><th>Примечание</th></tr><tr><td colspan=2><p>Раз.</p><p>Два.</p></td></tr></table>\
         <table><tr><td rowspan=2>a</td><td>b</td></tr><tr><td>c</td></tr><tr><td>d</td><td></td></tr></table>"
    );
    let text = text(&html);
    assert!(
        text.ends_with("Примечание\n\nРаз.\n\nДва.\n\na | b\n | c\nd"),
        "{text}"
    );
}

#[test]
fn a_name_alone_removes_no_prose() {
    for (name, value) in [
        ("class", "sidebar"),
        ("id", "cookies"),
        ("class", "related-work"),
        ("id", "navigation"),
    ] {
        let html = format!(
            "<body><div {name}='{value}'><h2>Тема</h2><p>{PROSE}</p></div><p>{}</p></body>",
            PROSE.repeat(3)
        );
        assert!(text(&html).contains("## Тема"), "{value}");
    }
    // One form around all of a page.
    let html = format!("<body><form><h1>Страница</h1><p>{PROSE}</p></form></body>");
    assert!(text(&html).starts_with("# Страница"));
}

#[test]
fn a_page_with_text_is_never_empty() {
    let links: String = (0..8)
        .map(|i| format!("<li><a href='/{i}'>Глава {i}</a></li>"))
        .collect();
    for html in [
        format!("<body><h1>Книга</h1><ul>{links}</ul></body>"),
        format!("<nav><ul>{links}</ul></nav>"),
        "<footer>Только это</footer>".to_owned(),
        "<div hidden>Скрыто, но есть</div>".to_owned(),
        "просто текст".to_owned(),
        "<script src='a.js'/><p>После пустого скрипта XHTML</p>".to_owned(),
    ] {
        assert!(!text(&html).is_empty(), "{html}");
    }
    // A table of contents is kept where there is nothing else, and navigation is not.
    let nav = "<div class=navheader><table><tr><td><a href=a>Пред.</a><td><a href=b>След.</a></table></div>";
    let toc = text(&format!(
        "<body>{nav}<h1>Книга</h1><div class=toc><ul>{links}</ul></div></body>"
    ));
    assert!(
        toc.starts_with("# Книга\n\n- Глава 0") && !toc.contains("След"),
        "{toc}"
    );
    assert_eq!(text("<script>alert(1)</script>"), "");
    assert_eq!(text(""), "");
    assert!(text(&format!("<body><h1>Книга</h1><ul>{links}</ul></body>")).contains("- Глава 7"));
}

#[test]
fn lines_of_code_are_lines_however_they_are_marked() {
    let wanted = "```\nfn main() {\n    a();\n\n}\n```";
    for lines in [
        "<div>fn main() {</div><div>    a();</div><div><br></div><div>}</div>",
        "<code><span style='display: block'>fn main() {</span><span style='display:block'>    a();\n</span><span style='display:block'>\n</span><span style='display:block'>}</span></code>",
        "<ol><li>fn main() {</li><li>    a();</li><li>\n</li><li>}</li></ol>",
        "<span class=line>fn main() {</span>\n<span class=line>    a();</span>\n<span class=line></span>\n<span class=line>}</span>",
        "<div>fn main() {\n</div><div>    a();\n</div><div>\n</div><div>}\n</div>",
        "<div>fn main() {</div>\n<div>    a();</div>\n<div>\n</div><div>}</div>",
        "fn main() {<br>    a();<br><br>}",
        "fn main() {\n    a();\n\n}",
    ] {
        let text = text(&format!("<p>{PROSE}</p><pre>{lines}</pre>"));
        assert!(text.ends_with(wanted), "{lines}: {text}");
    }
    let code = text(&format!(
        "<p>{PROSE}</p><pre>if a &lt; b &amp;&amp; c &gt; d {{ &quot;&amp;lt;&quot; }}</pre>"
    ));
    assert!(
        code.ends_with("if a < b && c > d { \"&lt;\" }\n```"),
        "{code}"
    );
}

#[test]
fn what_an_article_says_at_its_foot_stays() {
    let html = format!(
        "<body><article><h1>Тема</h1><p>{PROSE}</p><footer>Автор: Иван Петров. Источник: <a href=x>архив</a></footer></article>\
         <footer>© 2026 Издательство</footer></body>"
    );
    assert_eq!(
        text(&html),
        format!(
            "# Тема\n\n{}\nАвтор: Иван Петров. Источник: архив",
            PROSE.trim_end()
        )
        .replace("\nАвтор", "\n\nАвтор")
    );
    let links: String = (1..6)
        .map(|i| {
            format!("<li><a href='#r{i}'>↑</a> <a href='/{i}'>Книга о погоде, том {i}</a></li>")
        })
        .collect();
    for notes in [
        format!("<div id='footer-notes'><ol>{links}</ol></div>"),
        format!("<ol class='references'>{links}</ol>"),
        format!("<section class='footnotes'><ol>{links}</ol></section>"),
    ] {
        let html = format!(
            "<body><h1>Тема</h1><p>{}</p>{notes}</body>",
            PROSE.repeat(4)
        );
        assert!(text(&html).contains("Книга о погоде, том 5"), "{notes}");
    }
    let html = format!(
        "<body><p>{}</p><div id=footer><a href=/>Главная</a> <a href=/m>Карта</a></div></body>",
        PROSE.repeat(4)
    );
    assert!(!text(&html).contains("Карта"));
}

#[test]
fn pages_of_frames_or_scripts_alone_have_their_other_text() {
    let frames = format!(
        "<html><head><title>Сайт</title></head><frameset cols='20%,*'><frame src=a><frame src=b><noframes><body><h1>Меню</h1><p>{PROSE}</p></body></noframes></frameset></html>"
    );
    let page = extract(&frames).expect("is read");
    assert_eq!(page.text, format!("# Меню\n\n{}", PROSE.trim_end()));
    assert_eq!(page.title.as_deref(), Some("Сайт"));
    let scripts = format!("<body><script>run()</script><noscript><p>{PROSE}</p></noscript></body>");
    assert_eq!(text(&scripts), PROSE.trim_end());
    let app = "<body><div id=root></div><noscript>You need to enable JavaScript to run this app.</noscript></body>";
    assert_eq!(text(app), "");
    // Beside a text they say nothing.
    let both =
        format!("<body><p>{PROSE}</p><noscript><p>Без скриптов. {PROSE}</p></noscript></body>");
    assert_eq!(text(&both), PROSE.trim_end());
}

#[test]
fn wide_cells_formulas_and_readings_keep_their_places() {
    let html = format!(
        "<p>{PROSE}</p><table><tr><th>Год</th><th colspan=2>Доход</th><th>Итог</th></tr>\
         <tr><td>1<br>2</td><td>a</td><td>b</td><td>c</td></tr></table>"
    );
    assert!(
        text(&html).ends_with("Год | Доход |  | Итог\n1 2 | a | b | c"),
        "{}",
        text(&html)
    );
    let html = format!(
        "<p>{PROSE} <math><semantics><mrow><mi>x</mi></mrow><annotation encoding='application/x-tex'>x^2</annotation></semantics></math> и \
         <ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby></p><details><summary>Ещё</summary>Подробности</details>"
    );
    assert!(
        text(&html).ends_with("x^2 и 漢\n\nЕщё\nПодробности"),
        "{}",
        text(&html)
    );
}

#[test]
fn raised_and_lowered_digits_do_not_run_into_a_number() {
    let html = format!(
        "<p>10<sup>24</sup>, 10<sup>−3</sup>, 101<sub>2</sub>, H<sub>2</sub>O, 5<sup>th</sup>, 7 <sup>1</sup> {PROSE}</p>"
    );
    let text = text(&html);
    assert!(
        text.starts_with("10^24, 10^−3, 101_2, H2O, 5th, 7 1 "),
        "{text}"
    );
}
