//! Reading a name letter by letter while counting what is wrong with it: Damerau-Levenshtein by bit-parallel rows.
//!
//! Row `k` holds one bit for each number of query letters that may have been read with at most `k` mistakes (a letter
//! missing, too many, another one, or two exchanged). One letter of a name moves all of them at once.

/// Queries of more letters than this are looked up as they are.
pub(super) const LETTERS_MAX: usize = 60;

/// At most this many mistakes are forgiven.
pub(super) const MISTAKES_MAX: usize = 2;

/// How many mistakes are forgiven in a query of so many letters.
pub(super) const fn forgiven(letters: usize) -> usize {
    match letters {
        0..5 => 0,
        5..9 => 1,
        9..=LETTERS_MAX => MISTAKES_MAX,
        _ => 0,
    }
}

/// A query to read names against.
pub(super) struct Pattern {
    letters: Vec<char>,
    mistakes: usize,
    /// Bit n: bytes of n begin letters of a script that the query is written in.
    scripts: [u64; 4],
}

/// How far reading has come.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    rows: [u64; MISTAKES_MAX + 1],
    /// Rows from which the last letter would be the second of an exchanged pair.
    exchanged: [u64; MISTAKES_MAX],
    /// A letter of which not all bytes were read yet, and how many are missing.
    letter: u32,
    missing: u8,
}

impl Pattern {
    /// A query, and how many mistakes are allowed, at most [`MISTAKES_MAX`]; none when it is too long.
    pub(super) fn new(folded: &str, mistakes: usize) -> Option<Self> {
        let letters: Vec<char> = folded.chars().collect();
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
        Some(Self { letters, mistakes: mistakes.min(MISTAKES_MAX), scripts })
    }

    /// Nothing read yet.
    pub(super) fn start(&self) -> Reading {
        // Bit i of row k, i ≤ k: the first i letters of the query are missing in the name.
        Reading { rows: [0b1, 0b11, 0b111], exchanged: [0; MISTAKES_MAX], letter: 0, missing: 0 }
    }

    /// One more byte of a name. None: nothing that begins so can match.
    pub(super) fn read(&self, mut reading: Reading, byte: u8) -> Option<Reading> {
        if reading.missing == 0 {
            // Nobody types a letter of another script by mistake, and there are thousands of them.
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
        (reading.rows[self.mistakes] & self.mask() != 0).then_some(reading)
    }

    /// Whether the whole query has been read, with at most the mistakes allowed.
    pub(super) fn matches(&self, reading: &Reading) -> bool {
        reading.missing == 0 && reading.rows[self.mistakes] >> self.letters.len() & 1 == 1
    }

    fn mask(&self) -> u64 {
        (1 << (self.letters.len() + 1)) - 1
    }

    fn step(&self, reading: &mut Reading) {
        let here = self.places(reading.letter);
        let before = reading.rows;
        reading.rows[0] = (before[0] & here) << 1;
        for k in 1..=self.mistakes {
            let read = (before[k] & here) << 1;
            let too_many = before[k - 1];
            let another = before[k - 1] << 1;
            let missing = reading.rows[k - 1] << 1;
            let exchanged = (reading.exchanged[k - 1] & here) << 2;
            reading.rows[k] = read | too_many | another | missing | exchanged | reading.rows[k - 1];
        }
        for (exchanged, before) in reading.exchanged.iter_mut().zip(before) {
            // Places whose next but one letter has come first: the pair is complete if the next one follows.
            *exchanged = before & (here >> 1);
        }
    }

    /// Bit i: the query's letter i is this one.
    fn places(&self, letter: u32) -> u64 {
        let same = |(place, own): (usize, &char)| u64::from(u32::from(*own) == letter) << place;
        self.letters.iter().enumerate().map(same).fold(0, |places, bit| places | bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether some beginning of `name` is the query with at most `mistakes`.
    fn begins(query: &str, name: &str, mistakes: usize) -> bool {
        let pattern = Pattern::new(query, mistakes).unwrap();
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
    fn mistakes_are_counted_as_people_make_them() {
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
        for (query, name, mistakes, expected) in table {
            assert_eq!(begins(query, name, mistakes), expected, "{query} {name} {mistakes}");
        }
    }

    #[test]
    fn longer_queries_are_forgiven_more() {
        let table = [(4, 0), (5, 1), (8, 1), (9, 2), (60, 2), (61, 0)];
        assert!(table.iter().all(|(letters, mistakes)| forgiven(*letters) == *mistakes));
    }
}
