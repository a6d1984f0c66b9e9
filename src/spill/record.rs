//! What a record is: fields of a fixed size, which are its order as well.

use crate::document::DocumentId;

/// A value of a fixed size.
pub trait Field: Copy + Ord {
    /// Its bytes.
    const BYTES: usize;
    /// Writes it to the front of `out`; returns the rest of that.
    fn put(self, out: &mut [u8]) -> &mut [u8];
    /// Reads it from the front of `bytes`, which are cut by that.
    fn get(bytes: &mut &[u8]) -> Self;
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Field for $type {
            const BYTES: usize = size_of::<$type>();
            #[inline]
            fn put(self, out: &mut [u8]) -> &mut [u8] {
                let (mine, rest) = out.split_at_mut(Self::BYTES);
                mine.copy_from_slice(&self.to_le_bytes());
                rest
            }
            #[inline]
            fn get(bytes: &mut &[u8]) -> Self {
                let (mine, rest) = bytes.split_at(Self::BYTES);
                *bytes = rest;
                let mut array = [0; size_of::<$type>()];
                array.copy_from_slice(mine);
                Self::from_le_bytes(array)
            }
        }
    )*};
}
number!(u8, u32, u64, u128);

impl Field for DocumentId {
    const BYTES: usize = 16;
    fn put(self, out: &mut [u8]) -> &mut [u8] {
        u128::from_be_bytes(self.0).put(out)
    }
    fn get(bytes: &mut &[u8]) -> Self {
        Self(u128::get(bytes).to_be_bytes())
    }
}

impl<const N: usize> Field for [u64; N] {
    const BYTES: usize = 8 * N;
    fn put(self, mut out: &mut [u8]) -> &mut [u8] {
        for number in self {
            out = number.put(out);
        }
        out
    }
    fn get(bytes: &mut &[u8]) -> Self {
        std::array::from_fn(|_| u64::get(bytes))
    }
}

/// A record: what is sorted and stored.
pub trait Record: Copy + Ord + Send + Sync + 'static {
    /// Its bytes in a file.
    const BYTES: usize;
    /// Writes it to `out`, which has just these bytes.
    fn put(&self, out: &mut [u8]);
    /// Reads what [`Record::put`] wrote.
    fn get(bytes: &[u8]) -> Self;
}

/// Defines a struct whose fields are [`Field`]s, and makes it a [`Record`], sorted by its fields
/// from the first to the last.
#[macro_export]
macro_rules! record {
    ($(#[$about:meta])* $scope:vis struct $name:ident $(<const $size:ident: usize>)? {
        $($(#[$doc:meta])* $access:vis $field:ident: $type:ty,)*
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        $scope struct $name $(<const $size: usize>)? {
            $($(#[$doc])* $access $field: $type,)*
        }

        impl $(<const $size: usize>)? $crate::spill::Record for $name $(<$size>)? {
            const BYTES: usize = 0 $(+ <$type as $crate::spill::Field>::BYTES)*;

            #[inline]
            fn put(&self, out: &mut [u8]) {
                $(let out = $crate::spill::Field::put(self.$field, out);)*
                debug_assert!(out.is_empty(), "the fields fill the record");
            }

            #[inline]
            fn get(mut bytes: &[u8]) -> Self {
                Self { $($field: $crate::spill::Field::get(&mut bytes),)* }
            }
        }
    };
}
