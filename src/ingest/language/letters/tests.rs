use super::*;

/// The marks of code, one by one.
fn listed_symbol(byte: u8) -> bool {
    matches!(
        byte,
        b'{' | b'}'
            | b'['
            | b']'
            | b'('
            | b')'
            | b';'
            | b'='
            | b'<'
            | b'>'
            | b'_'
            | b'\\'
            | b'|'
            | b'$'
            | b'#'
            | b'@'
            | b'&'
            | b'+'
            | b'/'
            | b'^'
            | b'~'
            | b'"'
            | b'`'
    )
}

/// What joins parts of a word, by the byte.
fn listed_joint(last: u8, byte: u8) -> bool {
    match byte {
        b'A'..=b'Z' => last.is_ascii_lowercase(),
        b'_' | b'$' | b'/' | b'.' => true,
        b':' => last == b':',
        b'>' | b'-' => last == b'-',
        b')' => last == b'(',
        _ => false,
    }
}

/// The same, a character at a time.
fn slowly(text: &str) -> Letters {
    let mut n = Letters::default();
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if c.is_ascii() {
            n.latin += u32::from(c.is_ascii_alphabetic());
            n.symbols += u32::from(listed_symbol(c as u8));
            let last = if before.is_ascii() {
                before as u8
            } else {
                b' '
            };
            n.joints += u32::from(listed_joint(last, c as u8));
        } else if ('\u{400}'..='\u{52f}').contains(&c) {
            n.cyrillic += 1;
            match sign(c) {
                Sign::Nothing => {}
                Sign::Yeru => n.yeru += 1,
                Sign::NotBelarusian => n.not_belarusian += 1,
                Sign::DottedI => n.dotted_i += 1,
                Sign::Ukrainian => n.ukrainian += 1,
                Sign::ShortU => n.short_u += 1,
                Sign::Turkic => n.turkic += 1,
                Sign::Kazakh => n.kazakh += 1,
                Sign::NotKazakh => n.not_kazakh += 1,
                Sign::SouthSlavic => n.south_slavic += 1,
                Sign::Hard => n.hard_sign_before(&text[at + c.len_utf8()..]),
            }
        } else if c != '×' && c != '÷' && ('\u{c0}'..='\u{24f}').contains(&c) {
            n.latin += 1;
        } else if c != '×' && c != '÷' {
            n.other += u32::from(c.is_alphabetic());
        }
        before = c;
    }
    n
}

#[test]
fn bytes_compared_together_count_as_those_looked_up() {
    for byte in 0..128 {
        assert_eq!(is_symbol(byte), listed_symbol(byte), "{byte}");
        for last in 0..128 {
            assert_eq!(
                is_joint(last, byte),
                listed_joint(last, byte),
                "{last} {byte}"
            );
        }
    }
    // Blocks of ASCII among others, at every place.
    let mark = "it's->a.b() && Foo::Bar_baz $x/y -- don't; {camelCase}";
    for before in 0..130 {
        for gap in [0, 1, 31, 32, 33] {
            let text = format!("{}é{}{mark}ж{mark}", "a".repeat(before), "b".repeat(gap));
            let (fast, slow) = (Letters::count(&text), slowly(&text));
            assert_eq!(format!("{fast:?}"), format!("{slow:?}"), "{text:?}");
        }
    }
}

#[test]
fn letters_are_counted_as_one_by_one() {
    let alphabet: Vec<char> = "aZ_:(-)>$/. \n{é×中Ѐыэёиіїўәғъјґя♥😀ъе".chars().collect();
    let mut state = 1_u64;
    for length in [0, 1, 2, 3, 100, 127, 128, 254, 255, 256, 300, 1000] {
        let text: String = (0..length)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                alphabet[(state >> 33) as usize % alphabet.len()]
            })
            .collect();
        let (fast, slow) = (Letters::count(&text), slowly(&text));
        assert_eq!(format!("{fast:?}"), format!("{slow:?}"), "{text:?}");
    }
    // All of one kind, more than a byte can count.
    let same = "и".repeat(1000);
    assert_eq!(Letters::count(&same).not_belarusian, 1000);
}
