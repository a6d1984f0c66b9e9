//! Where a byte of JSON stands.

/// Where in the structure the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// Outside a string.
    Outside,
    /// Inside a string.
    Inside,
    /// After a backslash in a string.
    Escaped,
    /// Behind a quote in a string that may begin another element, and is held.
    Doubted,
}

/// Where among the fields of the top object the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// In a key or before it.
    Key,
    /// Between a key and its value.
    Value,
    /// In an array, before its first element.
    First,
    /// In a value or behind it.
    Inside,
}
