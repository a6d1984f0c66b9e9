use super::keys::{LONG, SHORT, TINY};
use super::*;

/// Many more words than fit, of all lengths and numbers of ids: what is found is right.
#[test]
fn an_overfull_cache_forgets_and_never_errs() {
    for largest in [u32::from(u16::MAX), u32::MAX] {
        check_overfull(Layout::of(largest));
    }
}

fn check_overfull(layout: &'static Layout) {
    let mut cache = Cache::new(layout).unwrap();
    let [.., most] = layout.most();
    let all = (1 << (8 * layout.width)) - 1;
    let word = |number: u32| {
        let len = [3, 9, 15, 16, 24, 31, 32, 63][number as usize % 8];
        let mut word = format!("{number:x}").into_bytes();
        word.resize(len.max(word.len()), b'.');
        let ids = (0..=number / 8 % most as u32).map(|id| (number ^ id << 11) & all);
        (word, ids.collect::<Vec<_>>())
    };
    let get = |cache: &Cache, word: &[u8], table: Table| {
        let (mut slot, len) = (Slot::default(), word.len());
        let mut ids = [0; MOST_IDS];
        let head = match table {
            Table::Tiny => {
                let key = tiny_key(eight(word, 0), len as u32);
                let head = cache.tiny::<Any>(key, tiny_set(key));
                [slot[0], slot[1]] = head;
                head
            }
            Table::Short => {
                let key = short_key(word, 0, len);
                cache.short::<Any>(key, short_set(key), &mut slot)
            }
            Table::Long => {
                let key = long_key(word, 0, len);
                cache.long::<Any>(key, long_set(key), &mut slot)
            }
            Table::Wide => {
                let key = wide_key(word, 0, len);
                cache.wide::<Any>(&key, wide_set(&key), &mut slot)
            }
        };
        assert_eq!(head, head_of(&slot));
        let count = copy(&slot, &mut ids).or_else(|| cache.more(word, table, &mut ids))?;
        Some(ids[..count].to_vec())
    };
    // Every third word as if two of its bytes were an id.
    let table = |number: u32, word: &[u8]| {
        if number.is_multiple_of(3) {
            let marked = [&"ж".as_bytes()[..1], &word[1..]].concat();
            Table::of(&marked, Some(layout.by_ids)).unwrap()
        } else {
            Table::of(word, Some(layout.by_ids)).unwrap()
        }
    };
    let many = 1_500_000;
    for number in 0..many {
        let (word, ids) = word(number);
        let table = table(number, &word);
        cache.keep(&word, table, &ids);
        assert_eq!(get(&cache, &word, table), Some(ids));
    }
    let mut found = 0;
    for number in 0..many {
        let (word, ids) = word(number);
        if let Some(kept) = get(&cache, &word, table(number, &word)) {
            assert_eq!(kept, ids, "{number}");
            found += 1;
        }
    }
    assert!(found > 200_000 && found < many, "{found}");
}

#[test]
fn keys_of_words_at_the_end_of_a_text_are_those_of_any_place() {
    for len in 0..=LONG {
        let word = &b"abcdefghijklmnopqrstuvwxyzABCDE"[..len];
        let text = [word, &[b'.'; 40]].concat();
        if len <= TINY {
            let key = |text: &[u8]| tiny_key(eight(text, 0), len as u32);
            assert_eq!(key(word), key(&text));
        }
        if len <= SHORT {
            assert_eq!(short_key(word, 0, len), short_key(&text, 0, len));
        } else {
            assert_eq!(long_key(word, 0, len), long_key(&text, 0, len));
        }
    }
}
