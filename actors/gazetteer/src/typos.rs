//! Matching of names with typing errors: the Damerau-Levenshtein distance, computed bit-parallel while the letters of a name
//! are read.
//!
//! Bit `i` of row `k` is set if the letters read so far match the first `i` letters of the query with at most `k` errors
//! (an omission, an insertion, a substitution or a transposition). Each letter of a name updates all bits of a row at once.

/// Longer queries are matched exactly, in letters.
pub(crate) const LETTERS_MAX: usize = 60;

/// The most errors that are allowed.
pub(crate) const ERRORS_MAX: usize = 2;

/// The number of errors that are allowed in a query of this many letters.
pub(crate) const fn errors_allowed(letters: usize) -> usize {
    match letters {
        0..4 => 0,
        4..8 => 1,
        8..=LETTERS_MAX => ERRORS_MAX,
        _ => 0,
    }
}

/// A query that names are matched against.
pub(crate) struct Pattern {
    letters: Vec<char>,
    errors: usize,
    /// Bit `n` is set if byte `n` is the first byte of letters of a script in the query.
    scripts: [u64; 4],
}

/// The state of matching one name.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    rows: [u64; ERRORS_MAX + 1],
    /// The rows before the last letter, where that letter can be the first one of a transposition.
    transposed: [u64; ERRORS_MAX],
    /// The bits of an incomplete letter, and the number of its missing bytes.
    letter: u32,
    missing: u8,
}

impl Pattern {
    /// A query with a number of allowed errors, at most [`ERRORS_MAX`]. `None` if the query is too long.
    pub(crate) fn new(normalized: &str, errors: usize) -> Option<Self> {
        let letters: Vec<char> = normalized.chars().collect();
        if letters.len() > LETTERS_MAX {
            return None;
        }
        let mut scripts = [0; 4];
        for letter in &letters {
            let mut bytes = [0; 4];
            match letter.encode_utf8(&mut bytes).as_bytes()[0] {
                0..0x80 => (scripts[0], scripts[1]) = (u64::MAX, u64::MAX),
                lead => scripts[usize::from(lead >> 6)] |= 1 << (lead & 63),
            }
        }
        Some(Self { letters, errors: errors.min(ERRORS_MAX), scripts })
    }

    /// The state before the first byte.
    pub(crate) fn start(&self) -> Reading {
        // Bit i of row k, i ≤ k: the name omits the first i letters of the query.
        Reading { rows: [0b1, 0b11, 0b111], transposed: [0; ERRORS_MAX], letter: 0, missing: 0 }
    }

    /// Reads the next byte of a name. `None` if no name with this beginning matches.
    pub(crate) fn read(&self, mut reading: Reading, byte: u8) -> Option<Reading> {
        if reading.missing == 0 {
            // Typing errors do not change the script. This excludes most of the letters of other scripts.
            if (self.scripts[usize::from(byte >> 6)] >> (byte & 63)) & 1 == 0 {
                return None;
            }
            (reading.letter, reading.missing) = match byte {
                0..0x80 => (u32::from(byte), 0),
                0xc0..0xe0 => (u32::from(byte & 0x1f), 1),
                0xe0..0xf0 => (u32::from(byte & 0x0f), 2),
                _ => (u32::from(byte & 0x07), 3),
            };
        } else {
            reading.letter = reading.letter << 6 | u32::from(byte & 0x3f);
            reading.missing -= 1;
        }
        if reading.missing > 0 {
            return Some(reading);
        }
        self.step(&mut reading);
        (reading.rows[self.errors] & self.mask() != 0).then_some(reading)
    }

    /// Whether the name read so far matches the query with at most the allowed errors.
    pub(crate) fn matches(&self, reading: &Reading) -> bool {
        reading.missing == 0 && reading.rows[self.errors] >> self.letters.len() & 1 == 1
    }

    /// The beginnings of names that can match: the first two letters of the query, which may be transposed with each other or
    /// with the third.
    pub(crate) fn beginnings(&self) -> Vec<String> {
        let [first, second, third] = self.letters.first_chunk::<3>().copied().unwrap_or_default();
        let mut beginnings: Vec<String> =
            [[first, second], [second, first], [first, third]].map(String::from_iter).into();
        beginnings.sort_unstable();
        beginnings.dedup();
        beginnings
    }

    fn mask(&self) -> u64 {
        (1 << (self.letters.len() + 1)) - 1
    }

    fn step(&self, reading: &mut Reading) {
        let here = self.positions(reading.letter);
        let before = reading.rows;
        reading.rows[0] = (before[0] & here) << 1;
        for k in 1..=self.errors {
            let read = (before[k] & here) << 1;
            let insertion = before[k - 1];
            let substitution = before[k - 1] << 1;
            let omission = reading.rows[k - 1] << 1;
            let transposed = (reading.transposed[k - 1] & here) << 2;
            reading.rows[k] = read | insertion | substitution | omission | transposed | reading.rows[k - 1];
        }
        for (transposed, before) in reading.transposed.iter_mut().zip(before) {
            // The letter is the next but one of the query: it is a transposition if the next letter of the query follows.
            *transposed = before & (here >> 1);
        }
    }

    /// Bit `i` is set if letter `i` of the query is this one.
    fn positions(&self, letter: u32) -> u64 {
        let same = |(position, own): (usize, &char)| u64::from(u32::from(*own) == letter) << position;
        self.letters.iter().enumerate().map(same).fold(0, |positions, bit| positions | bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a beginning of `name` matches the query with at most `errors` errors.
    fn begins(query: &str, name: &str, errors: usize) -> bool {
        let pattern = Pattern::new(query, errors).unwrap();
        let mut reading = pattern.start();
        for byte in name.bytes() {
            match pattern.read(reading, byte) {
                None => return false,
                Some(next) if pattern.matches(&next) => return true,
                Some(next) => reading = next,
            }
        }
        false
    }

    #[test]
    fn typing_errors_are_counted() {
        let table = [
            ("munich", "munich", 0, true),
            ("munich", "munchen", 1, true),
            ("munihc", "munich", 1, true),
            ("muunich", "munich", 1, true),
            ("mnich", "munich", 1, true),
            ("munick", "munich", 1, true),
            ("munick", "munich", 0, false),
            ("umnich", "munich", 1, true),
            ("berli", "berlin", 0, true),
            ("barcleona", "barcelona", 1, true),
            ("barclona", "barcelona", 1, true),
            ("bracleona", "barcelona", 1, false),
            ("bracleona", "barcelona", 2, true),
            ("san fransisko", "san francisco", 2, true),
            ("san fransisko", "san francisco", 1, false),
            ("мюнхн", "мюнхен", 1, true),
            ("ミュンヘ", "ミュンヘン", 0, true),
        ];
        for (query, name, errors, expected) in table {
            assert_eq!(begins(query, name, errors), expected, "{query} {name} {errors}");
        }
    }

    #[test]
    fn longer_queries_allow_more_errors() {
        let table = [(3, 0), (4, 1), (7, 1), (8, 2), (60, 2), (61, 0)];
        assert!(table.iter().all(|(letters, errors)| errors_allowed(*letters) == *errors));
    }
}
