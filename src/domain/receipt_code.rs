//! The receipt code of a submission: short enough to be read out, unique in its clinic, with a check character.

use std::fmt::{self, Write as _};

/// The characters of a code. Of each group that looks alike only one is used (D for 0 O Q, L for 1 I, 2 for Z, 5 for S, 6 for G,
/// 8 for B, Y for U V), and no vowel, so that no code is a word. Their number is a prime.
const LETTERS: &str = "23456789CDFHJKLMNPRTWXY";
const BASE: u32 = 23;
const LENGTH: usize = 8;

/// A receipt code: a number below [`ReceiptCode::COUNT`], shown as seven characters and a check character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptCode(u32);

impl ReceiptCode {
    /// How many codes there are.
    pub const COUNT: u32 = BASE.pow(7);

    /// The code that these random bytes select.
    pub fn from_random(bytes: [u8; 8]) -> Self {
        let number = u64::from_be_bytes(bytes) % u64::from(Self::COUNT);
        Self(u32::try_from(number).unwrap_or_default())
    }

    /// The code of a stored number.
    pub fn from_number(number: i64) -> Option<Self> {
        u32::try_from(number).ok().filter(|number| *number < Self::COUNT).map(Self)
    }

    /// The code as a number, as it is stored.
    pub fn number(self) -> i64 {
        self.0.into()
    }

    /// The code to try when this one is taken. It leads through every code.
    #[must_use]
    pub fn successor(self) -> Self {
        Self((self.0 + 1) % Self::COUNT)
    }

    /// Reads a code as a person writes it: case, spaces and hyphens are ignored, and a character that looks like one of a code
    /// is read as that one. `None` unless the check character is right; every wrong character and every swap of two is found.
    pub fn parse(text: &str) -> Option<Self> {
        let mut given = text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(value);
        let mut values = [0; LENGTH];
        for value in &mut values {
            *value = given.next()??;
        }
        if given.next().is_some() || !weighted(&values).is_multiple_of(BASE) {
            return None;
        }
        Some(Self(values[..LENGTH - 1].iter().fold(0, |number, value| number * BASE + value)))
    }
}

impl fmt::Display for ReceiptCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut values, mut rest) = ([0; LENGTH], self.0);
        for value in values[..LENGTH - 1].iter_mut().rev() {
            *value = rest % BASE;
            rest /= BASE;
        }
        // The weight of the check character is 8, and 3 * 8 leaves 1.
        values[LENGTH - 1] = 3 * (BASE - weighted(&values) % BASE) % BASE;
        for value in values {
            for (letter, _) in LETTERS.chars().zip(0_u32..).filter(|(_, place)| *place == value) {
                f.write_char(letter)?;
            }
        }
        Ok(())
    }
}

/// The sum of the values, weighted by their places from 1. A code has a sum that [`BASE`] divides. Because [`BASE`] is a prime
/// above every weight, neither one other value nor two swapped values leave it divisible.
fn weighted(values: &[u32; LENGTH]) -> u32 {
    values.iter().zip(1_u32..).map(|(value, weight)| value * weight).sum()
}

/// The value of a character; `None` if a code cannot have it.
fn value(letter: char) -> Option<u32> {
    let known = match letter.to_ascii_uppercase() {
        '0' | 'O' | 'Q' => 'D',
        '1' | 'I' => 'L',
        'Z' => '2',
        'S' => '5',
        'G' => '6',
        'B' => '8',
        'U' | 'V' => 'Y',
        other => other,
    };
    LETTERS.chars().zip(0_u32..).find(|(one, _)| *one == known).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes from the whole range.
    fn codes() -> impl Iterator<Item = ReceiptCode> {
        let ends = [0, 1, i64::from(ReceiptCode::COUNT) - 1].into_iter();
        let spread = (0..200).map(|step| step * 17_041_889 % i64::from(ReceiptCode::COUNT));
        ends.chain(spread).map(|number| ReceiptCode::from_number(number).unwrap())
    }

    #[test]
    fn a_code_is_read_as_it_is_shown_and_as_a_person_writes_it() {
        assert_eq!(ReceiptCode::from_number(0).unwrap().to_string(), "22222222");
        for code in codes() {
            let shown = code.to_string();
            assert_eq!(shown.len(), LENGTH);
            assert!(shown.chars().all(|letter| LETTERS.contains(letter)), "{shown}");
            let spaced = format!(" {}-{} ", &shown[..4], shown[4..].to_lowercase());
            let alike = shown.replace('D', "O").replace('L', "1").replace('2', "Z").replace('5', "s").replace('Y', "v");
            for written in [shown, spaced, alike] {
                assert_eq!(ReceiptCode::parse(&written), Some(code), "{written}");
            }
        }
    }

    #[test]
    fn one_wrong_character_and_two_swapped_ones_are_found() {
        for code in codes() {
            let shown: Vec<char> = code.to_string().chars().collect();
            for place in 0..LENGTH {
                for letter in LETTERS.chars().filter(|letter| *letter != shown[place]) {
                    let mut wrong = shown.clone();
                    wrong[place] = letter;
                    assert_eq!(ReceiptCode::parse(&String::from_iter(wrong)), None, "{code}: {letter} at {place}");
                }
                for other in (0..place).filter(|other| shown[*other] != shown[place]) {
                    let mut swapped = shown.clone();
                    swapped.swap(place, other);
                    assert_eq!(ReceiptCode::parse(&String::from_iter(swapped)), None, "{code}: {other} and {place}");
                }
            }
        }
    }

    #[test]
    fn a_text_that_is_too_short_too_long_or_has_another_character_is_no_code() {
        for text in ["", "2222222", "222222222", "2222222A", "2222222ñ", "2222222/"] {
            assert_eq!(ReceiptCode::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_number_has_a_code_and_the_last_leads_to_the_first() {
        assert_eq!(ReceiptCode::from_number(-1), None);
        assert_eq!(ReceiptCode::from_number(ReceiptCode::COUNT.into()), None);
        let last = ReceiptCode::from_number(i64::from(ReceiptCode::COUNT) - 1).unwrap();
        assert_eq!((last.successor().number(), last.successor().successor().number()), (0, 1));
        for bytes in [[0; 8], [255; 8], [1, 2, 3, 4, 5, 6, 7, 8]] {
            assert!(ReceiptCode::from_random(bytes).number() < ReceiptCode::COUNT.into());
        }
    }
}
