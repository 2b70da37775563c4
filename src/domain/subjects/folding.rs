//! Folding: the form in which the spellings of a name, or of an e-mail address, are equal.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Characters that are typed for an apostrophe.
const APOSTROPHES: [char; 13] = [
    '\'', '`', '\u{b4}', '\u{2b9}', '\u{2bb}', '\u{2bc}', '\u{2018}', '\u{2019}', '\u{201b}', '\u{2032}', '\u{2035}',
    '\u{5f3}', '\u{ff07}',
];

/// The words of a name, without case, accents and apostrophes. Spaces and punctuation separate words.
pub(super) fn words(name: &str) -> Vec<String> {
    // The point of an abbreviation such as `M.ª` separates no words.
    let name = name.replace(".ª", "ª").replace(".º", "º");
    let folded = fold(name.chars().filter(|c| !APOSTROPHES.contains(c)));
    let separates = |c: char| !c.is_alphanumeric() && !is_combining_mark(c);
    folded.split(separates).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// An e-mail address without case, accents and spaces, and with straight apostrophes.
pub(super) fn address(email: &str) -> String {
    let straight = email.chars().map(|c| if APOSTROPHES.contains(&c) { '\'' } else { c });
    fold(straight).split_whitespace().collect()
}

fn fold(text: impl Iterator<Item = char>) -> String {
    let mut folded = String::new();
    for c in text.nfkd().filter(|c| !is_accent(*c) && !is_invisible(*c)).flat_map(char::to_lowercase) {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ł' => folded.push('l'),
            'ħ' => folded.push('h'),
            'ŧ' => folded.push('t'),
            'ı' => folded.push('i'),
            // The form of sigma at the end of a word.
            'ς' => folded.push('σ'),
            other => folded.push(other),
        }
    }
    folded
}

/// Whether a mark is left out: an accent of a letter, or a vowel sign of Hebrew or Arabic. Vowel signs of Indic scripts and of
/// Thai are letters of the name.
const fn is_accent(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}'
            | '\u{591}'..='\u{5bd}'
            | '\u{5bf}'
            | '\u{5c1}'..='\u{5c2}'
            | '\u{5c4}'..='\u{5c5}'
            | '\u{5c7}'
            | '\u{610}'..='\u{61a}'
            | '\u{640}'
            | '\u{64b}'..='\u{65f}'
            | '\u{670}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}'
    )
}

/// Whether a character has no shape of its own: soft hyphens, joiners, marks of direction, variation selectors.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{2069}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
    )
}
