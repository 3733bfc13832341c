//! Names and words without case and accents, so that `muller` finds `Müller` and `YAMADA` finds `Yamada`.

use unicode_normalization::UnicodeNormalization;

/// Compatibility forms are unified (half-width kana, full-width letters), Latin, Greek and Cyrillic marks dropped, case
/// folded. Kana keep their voicing marks and Hangul its syllables, because there the mark makes another letter.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let unmarked = text.nfkd().filter(|character| !('\u{300}'..='\u{36f}').contains(character));
    let lower = unmarked.flat_map(char::to_lowercase).nfc();
    let mut folded = String::with_capacity(text.len());
    for character in lower {
        match character {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            'ς' => folded.push('σ'),
            // a dot that lower-casing İ leaves behind
            '\u{307}' => {}
            other => folded.push(other),
        }
    }
    folded
}

/// A person name (PS3.5 6.2.1) folded for comparison: padding around components and empty components and groups at the
/// end do not count.
pub(crate) fn fold_name(name: &str) -> String {
    let folded = fold(name);
    let groups = folded.split('=').map(|group| {
        let components: Vec<&str> = group.split('^').map(str::trim).collect();
        components.join("^").trim_end_matches('^').to_owned()
    });
    let joined = groups.collect::<Vec<_>>().join("=");
    joined.trim_end_matches('=').to_owned()
}

/// The words of a text: what stands between anything but letters and digits.
pub(crate) fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, folded: &str) {
        assert_eq!(fold_name(name), folded, "{name}");
    }

    #[test]
    fn case_accents_and_forms_do_not_count() {
        check("MÜLLER^Jürgen", "muller^jurgen");
        check("Mu\u{308}ller", "muller");
        check("Groß^Æneas", "gross^aeneas");
        check("Łukasiewicz", "lukasiewicz");
        check("ＹＡＭＡＤＡ^Ｔａｒｏ", "yamada^taro");
        check("ﾔﾏﾀﾞ^ﾀﾛｳ", "ヤマダ^タロウ");
        check("İpek^ışık", "ipek^isik");
        check("Παπαδόπουλος", "παπαδοπουλοσ");
    }

    #[test]
    fn letters_that_a_mark_makes_stay_apart() {
        assert_ne!(fold_name("やまた"), fold_name("やまだ"));
        assert_ne!(fold_name("김"), fold_name("기"));
        assert_ne!(fold_name("山田"), fold_name("山口"));
    }

    #[test]
    fn padding_and_empty_components_do_not_count() {
        check("Doe^John^^^", "doe^john");
        check(" Doe ^ John ", "doe^john");
        check("Yamada^Tarou=山田^太郎=やまだ^たろう", "yamada^tarou=山田^太郎=やまだ^たろう");
        check("==やまだ^たろう", "==やまだ^たろう");
        check("Doe==", "doe");
        check("^John", "^john");
    }
}
