//! The words of shares: the 2,048 English words of BIP-39, told apart by their first four letters.
//! A share is no BIP-39 mnemonic: only the list is the same.

use std::sync::LazyLock;

const LIST: &str = include_str!("words.txt");
/// Enough letters to tell every word.
const LETTERS_ENOUGH: usize = 4;

static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| LIST.lines().collect());

/// The word of a number below 2,048.
pub(super) fn word(number: u16) -> &'static str {
    WORDS[usize::from(number)]
}

/// The number of a typed word: the whole word, or its first four letters, in any case.
pub(super) fn number(typed: &str) -> Option<u16> {
    if !typed.is_ascii() || typed.len() > 8 {
        return None;
    }
    let typed = zeroize::Zeroizing::new(typed.to_ascii_lowercase());
    let place = WORDS.binary_search_by(|word| (*word).cmp(&typed)).or_else(|place| {
        let short = typed.len() == LETTERS_ENOUGH && WORDS.get(place).is_some_and(|word| word.starts_with(&**typed));
        if short { Ok(place) } else { Err(()) }
    });
    place.ok().and_then(|place| u16::try_from(place).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_2048_sorted_words_that_four_letters_tell_apart() {
        assert_eq!(WORDS.len(), 2048);
        assert!(WORDS.windows(2).all(|pair| pair[0][..pair[0].len().min(4)] < pair[1][..pair[1].len().min(4)]));
        for (place, word) in WORDS.iter().enumerate() {
            assert_eq!(number(word), Some(place as u16));
            assert_eq!(number(&word.to_uppercase()), Some(place as u16));
            assert_eq!(number(&word[..word.len().min(4)]), Some(place as u16));
        }
        for other in ["", "aban don", "abandons", "abandonabandon", "zzzz", "röntgen", "a"] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
