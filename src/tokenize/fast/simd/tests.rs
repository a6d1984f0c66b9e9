use super::super::cache::layout::Layout;
use super::*;

#[test]
fn simd_and_bytes_find_the_same_value() {
    let mut set: [[u8; 8]; 8] =
        std::array::from_fn(|place| (0x0100_0000_0000_0001_u64 << (8 * place)).to_le_bytes());
    set[4..].copy_from_slice(&[[11; 8], [12; 8], [13; 8], [14; 8]]);
    for place in 0..4 {
        let value = u64::from_le_bytes(set[4 + place]);
        let found = Any::value_of(u64::from_le_bytes(set[place]), &set);
        assert_eq!(found, [value as u32, (value >> 32) as u32]);
    }
    assert_eq!(Any::value_of(u64::from_le_bytes([11; 8]), &set), NO_HEAD);
    let keys = set.map(u64::from_le_bytes).into_iter();
    for key in keys.chain([0, 1 << 56]) {
        let expected = Any::value_of(key, &set);
        for level in Level::all() {
            let value = match level {
                Level::Any => expected,
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => Avx2::value_of(key, &set),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => Avx512::value_of(key, &set),
            };
            assert_eq!(value, expected, "{level:?} {key:x}");
        }
    }
}

#[test]
fn simd_and_bytes_count_the_same_words_of_many_ids() {
    for shift in 0..64 {
        let heads: [Head; 64] = std::array::from_fn(|at| {
            let count = [0, 1, 2, 3, 10, 21, 255][(at * 5 + shift) % 7];
            [count << ID_BITS | 0x00FF_FFFF, u32::MAX]
        });
        let expected = heads.iter().filter(|head| head[0] >> ID_BITS > 2).count() as u32;
        for level in Level::all() {
            let many = match level {
                Level::Any => Any::many(&heads),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => Avx2::many(&heads),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => Avx512::many(&heads),
            };
            assert_eq!(many, expected, "{level:?}");
        }
    }
}

#[test]
fn simd_and_bytes_pack_the_same_ids() {
    let head = |count: u32, first: u32| [first | count << ID_BITS, first + 1];
    // Every place of a word with more than two ids, and none, among words with none to two.
    for more in 0..=8 {
        for counts in 0..3_u32.pow(8) {
            let heads: [Head; 8] = std::array::from_fn(|at| {
                let count = counts / 3_u32.pow(at as u32) % 3;
                let count = if at == more {
                    3 + 126 * (counts % 3)
                } else {
                    count
                };
                head(count, 0x00F0_0000 + 2 * at as u32)
            });
            let (mut wanted, mut filled) = ([0; 16], 0);
            for (at, head) in heads.iter().enumerate().take(more) {
                let first = 0x00F0_0000 + 2 * at as u32;
                for id in 0..(head[0] >> ID_BITS) {
                    wanted[filled] = first + id;
                    filled += 1;
                }
            }
            for level in Level::all() {
                let mut out = [0; 16];
                let found = match level {
                    Level::Any => Any::pack(&heads, &mut out),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => Avx2::pack(&heads, &mut out),
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512 => Avx512::pack(&heads, &mut out),
                };
                assert_eq!(found, (more, filled), "{level:?}");
                assert_eq!(out[..filled], wanted[..filled], "{level:?}");
            }
        }
    }
}

#[test]
fn simd_and_bytes_find_the_same_places() {
    for bits in [
        0,
        1,
        u64::MAX,
        1 << 63,
        0x8000_8000_8000_8001,
        0x0123_4567_89AB_CDEF,
    ] {
        let expected: Vec<u32> = (0..64)
            .filter(|place| bits >> place & 1 != 0)
            .map(|place| place + 640)
            .collect();
        for level in Level::all() {
            let mut places = [0; 64];
            match level {
                Level::Any => Any::places(bits, 640, &mut places),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => Avx2::places(bits, 640, &mut places),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => Avx512::places(bits, 640, &mut places),
            }
            assert_eq!(places[..expected.len()], expected, "{level:?}");
        }
    }
}

#[test]
fn simd_and_bytes_compare_the_same_lengths() {
    for shift in 0..40 {
        let numbers = std::array::from_fn(|at| (at as u32 * 7 + shift) % 40);
        let expected = Any::at_most(&numbers, 15);
        for (at, number) in numbers.iter().enumerate() {
            assert_eq!(expected >> at & 1 == 1, *number <= 15);
        }
        for level in Level::all() {
            let bits = match level {
                Level::Any => expected,
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => Avx2::at_most(&numbers, 15),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => Avx512::at_most(&numbers, 15),
            };
            assert_eq!(bits, expected, "{level:?}");
        }
    }
}

#[test]
fn simd_and_bytes_read_the_same_ids() {
    let value = std::array::from_fn(|at| 0xF0 - 13 * at as u8);
    let wide = Layout::of(u32::MAX).places;
    let narrow = Layout::of(9).places;
    for places in [wide, narrow] {
        let mut expected = [0; 8];
        Any::ids(&value, &places, &mut expected);
        for level in Level::all() {
            let mut ids = [0; 8];
            match level {
                Level::Any => Any::ids(&value, &places, &mut ids),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => Avx2::ids(&value, &places, &mut ids),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => Avx512::ids(&value, &places, &mut ids),
            }
            assert_eq!(ids, expected, "{level:?}");
        }
    }
}

#[test]
fn simd_and_bytes_compare_alike() {
    for shift in 0..=u8::MAX {
        let block = std::array::from_fn(|at| (at as u8).wrapping_mul(7).wrapping_add(shift));
        for level in Level::all() {
            let [cased, plain] = match level {
                Level::Any => [Any::compare::<true>(&block), Any::compare::<false>(&block)],
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => [
                    Avx2::compare::<true>(&block),
                    Avx2::compare::<false>(&block),
                ],
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => [
                    Avx512::compare::<true>(&block),
                    Avx512::compare::<false>(&block),
                ],
            };
            assert_eq!(cased, compare_bytes::<true>(&block), "{level:?}");
            assert_eq!(plain, compare_bytes::<false>(&block), "{level:?}");
        }
    }
}
