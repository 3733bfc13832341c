//! Which passwords are accepted (SP 800-63B-4 section 3.1.1.2): length in code points after NFKC, a blocklist, no rule
//! about which characters. The blocklist is zxcvbn's 30,000 most used passwords, roots that zxcvbn does not know
//! (German ones above all), words of the context, keyboard walks, and whatever is easier to guess than eight random
//! characters. Everything ships in the binary.

use protocol::PasswordEstimate;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;
use zxcvbn::feedback::{Suggestion, Warning};
use zxcvbn::matching::patterns::MatchPattern;

use crate::directory::folded;
use crate::{
    PASSWORD_BYTES_MAX, PASSWORD_CODE_POINTS_MAX, PASSWORD_CODE_POINTS_MIN, PASSWORD_GUESSES_MIN,
    PASSWORD_REST_CODE_POINTS_MIN,
};

/// The fixed words for why, beside the kebab-case names of zxcvbn's warnings and suggestions.
pub mod reasons {
    /// Fewer code points than [`PASSWORD_CODE_POINTS_MIN`](crate::PASSWORD_CODE_POINTS_MIN).
    pub const TOO_SHORT: &str = "too-short";
    /// More code points than [`PASSWORD_CODE_POINTS_MAX`](crate::PASSWORD_CODE_POINTS_MAX).
    pub const TOO_LONG: &str = "too-long";
    /// Among the most used, or a keyboard walk, with little added.
    pub const COMMON: &str = "common";
    /// Made of the person's name, the address, the site's name or radiology words, with little added.
    pub const CONTEXT: &str = "context";
    /// Fewer guesses than [`PASSWORD_GUESSES_MIN`](crate::PASSWORD_GUESSES_MIN).
    pub const GUESSABLE: &str = "guessable";
    /// In a list of passwords that were leaked.
    pub const LEAKED: &str = "leaked";
    /// Accepted.
    pub const FINE: &str = "fine";
}

/// Words that are common here though not in general.
const RADIOLOGY: &[&str] = &[
    "leadglass",
    "radiology",
    "radiologie",
    "radiologist",
    "radiologe",
    "radiologin",
    "radiographer",
    "roentgen",
    "röntgen",
    "xray",
    "x-ray",
    "dicom",
    "pacs",
    "ris",
    "mrt",
    "mri",
    "scan",
    "scanner",
    "ultraschall",
    "ultrasound",
    "sonographie",
    "mammographie",
    "mammography",
    "tomographie",
    "tomography",
    "thorax",
    "befund",
    "klinik",
    "clinic",
    "klinikum",
    "hospital",
    "krankenhaus",
    "praxis",
    "doktor",
    "doctor",
    "arzt",
    "ärztin",
    "patient",
    "medizin",
    "medicine",
    "station",
    "viewer",
    "archiv",
    "archive",
    "images",
    "bilder",
];

/// What the most used passwords are built from where zxcvbn's lists are thin; one a line.
const COMMON_ROOTS: &str = include_str!("common_roots.txt");

/// Rows of keys and letters that fingers walk along, for QWERTZ, QWERTY and AZERTY.
const WALKS: &[&str] = &[
    "qwertzuiopü",
    "qwertyuiop",
    "azertyuiop",
    "asdfghjklöä",
    "qsdfghjklm",
    "yxcvbnm",
    "zxcvbnm",
    "wxcvbn",
    "1qay2wsx3edc4rfv5tgb6zhn7ujm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6z7u8i9o0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "abcdefghijklmnopqrstuvwxyz",
];
const DIGITS: &str = "01234567890";

/// How strong a password would be, and whether it would be accepted. `context` are texts whose words must not make it
/// up: the site's name, the person's name and address. Takes milliseconds.
#[must_use]
pub fn estimate(password: &str, context: &[&str]) -> PasswordEstimate {
    let refused = |reason: &str| PasswordEstimate { accepted: false, score: 0, reasons: vec![reason.to_owned()] };
    if password.len() > PASSWORD_BYTES_MAX {
        return refused(reasons::TOO_LONG);
    }
    let password: Zeroizing<String> = Zeroizing::new(password.nfkc().collect());
    let code_points = password.chars().count();
    if code_points > PASSWORD_CODE_POINTS_MAX {
        return refused(reasons::TOO_LONG);
    }
    let context = context_words(context);
    let inputs: Vec<&str> = context.iter().map(String::as_str).collect();
    let judged = judge(&password, &inputs);

    let mut why = Vec::new();
    if code_points < PASSWORD_CODE_POINTS_MIN {
        why.push(reasons::TOO_SHORT.to_owned());
    }
    match made_of_known_parts(&password, &context) {
        Some(Part::Context) => why.push(reasons::CONTEXT.to_owned()),
        Some(Part::Common) => why.push(reasons::COMMON.to_owned()),
        None if is_one_dictionary_word(judged.sequence()) => why.push(reasons::COMMON.to_owned()),
        None => {}
    }
    if judged.guesses() < PASSWORD_GUESSES_MIN {
        why.push(reasons::GUESSABLE.to_owned());
    }
    let accepted = why.is_empty();
    if accepted {
        why.push(reasons::FINE.to_owned());
    }
    if let Some(feedback) = judged.feedback() {
        why.extend(feedback.warning().map(|warning| warning_word(warning).to_owned()));
        why.extend(feedback.suggestions().iter().map(|suggestion| suggestion_word(*suggestion).to_owned()));
    }
    let score = if accepted { u8::from(judged.score()) } else { u8::from(judged.score()).min(1) };
    PasswordEstimate { accepted, score, reasons: why }
}

/// How many code points zxcvbn looks at together. From 29 on its count of turns on a keypad, a power of 5, overflows (a
/// panic in debug builds, a wrong count otherwise), and its time grows with the third power.
const JUDGED_CODE_POINTS: usize = 24;

/// The estimate of the part of a password that is hardest to guess. What else there is only makes it harder.
fn judge(password: &str, inputs: &[&str]) -> zxcvbn::Entropy {
    let code_points: Zeroizing<Vec<char>> = Zeroizing::new(password.chars().collect());
    let parts = code_points.chunks(JUDGED_CODE_POINTS).map(|part| {
        let part: Zeroizing<String> = Zeroizing::new(part.iter().collect());
        zxcvbn::zxcvbn(&part, inputs)
    });
    parts.max_by_key(zxcvbn::Entropy::guesses).unwrap_or_else(|| zxcvbn::zxcvbn("", inputs))
}

/// A password as it is hashed: NFKC. `None` when no accepted password is like this.
pub(crate) fn normalised(password: &str) -> Option<Zeroizing<String>> {
    if password.len() > PASSWORD_BYTES_MAX {
        return None;
    }
    let password: Zeroizing<String> = Zeroizing::new(password.nfkc().collect());
    (password.chars().count() <= PASSWORD_CODE_POINTS_MAX).then_some(password)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Context,
    Common,
}

/// Whether little is left when words of the context, common roots, keyboard walks and years are taken out. Many common
/// words together are a passphrase, which is left to the estimate.
fn made_of_known_parts(password: &str, context: &[String]) -> Option<Part> {
    const COMMON_PARTS_MAX: usize = 2;
    let plain: Zeroizing<Vec<char>> = Zeroizing::new(folded(password).chars().collect());
    let readings = [plain.clone(), decoded(&plain, 'i'), decoded(&plain, 'l')];
    let (mut place, mut rest, mut common) = (0, 0, 0);
    let mut has_context = false;
    while place < plain.len() {
        let context_word = longest_word(&readings, place, context.iter().map(String::as_str));
        let root = longest_word(&readings, place, COMMON_ROOTS.lines());
        let walk = longest_walk(&plain[place..]);
        let longest = context_word.max(root).max(walk);
        if longest == 0 {
            rest += 1;
            place += 1;
            continue;
        }
        if longest == context_word {
            has_context = true;
        } else if longest == root {
            common += 1;
        }
        place += longest;
    }
    if rest >= PASSWORD_REST_CODE_POINTS_MIN {
        None
    } else if has_context {
        Some(Part::Context)
    } else {
        (common <= COMMON_PARTS_MAX).then_some(Part::Common)
    }
}

fn longest_word<'a>(readings: &[Zeroizing<Vec<char>>], place: usize, words: impl Iterator<Item = &'a str>) -> usize {
    let fits = |word: &&str| readings.iter().any(|reading| starts_with(&reading[place..], word));
    words.filter(fits).map(|word| word.chars().count()).max().unwrap_or(0)
}

fn starts_with(text: &[char], word: &str) -> bool {
    let mut text = text.iter();
    word.chars().all(|wanted| text.next() == Some(&wanted))
}

/// The longest keyboard walk, run of digits in order, repetition or year that `text` begins with.
fn longest_walk(text: &[char]) -> usize {
    let shared = |row: &mut dyn Iterator<Item = char>| row.zip(text).take_while(|(a, b)| a == *b).count();
    let mut longest = 0;
    for (rows, least) in [(WALKS, 4), (&[DIGITS][..], 3)] {
        for row in rows {
            let row: Vec<char> = row.chars().collect();
            for from in 0..row.len() {
                let ahead = shared(&mut row[from..].iter().copied());
                let back = shared(&mut row[..=from].iter().rev().copied());
                if ahead.max(back) >= least {
                    longest = longest.max(ahead.max(back));
                }
            }
        }
    }
    let repeated = text.iter().take_while(|c| Some(*c) == text.first()).count();
    if repeated >= 3 {
        longest = longest.max(repeated);
    }
    if matches!(text, ['1', '9', c, d, ..] | ['2', '0', c, d, ..] if c.is_ascii_digit() && d.is_ascii_digit()) {
        longest = longest.max(4);
    }
    longest
}

/// Characters that stand for letters read as those letters; `one` is what 1, ! and | stand for.
fn decoded(text: &[char], one: char) -> Zeroizing<Vec<char>> {
    let read = |c: &char| match c {
        '4' | '@' => 'a',
        '3' | '€' => 'e',
        '0' => 'o',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '1' | '!' | '|' => one,
        other => *other,
    };
    Zeroizing::new(text.iter().map(read).collect())
}

/// Words of three and more characters, folded: of the texts given and of radiology.
fn context_words(context: &[&str]) -> Vec<String> {
    let given = context.iter().flat_map(|text| {
        let text = folded(text);
        let mut words: Vec<String> = text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
        words.push(text);
        words
    });
    // the last label of an address says nothing
    let ignored = ["com", "org", "net", "the", "und", "and", "von", "der", "die"];
    let mut words: Vec<String> = given.chain(RADIOLOGY.iter().map(|word| (*word).to_owned())).collect();
    words.retain(|word| word.chars().count() >= 3 && !ignored.contains(&word.as_str()));
    words.sort_unstable();
    words.dedup();
    words
}

fn is_one_dictionary_word(sequence: &[zxcvbn::Match]) -> bool {
    matches!(sequence, [only] if matches!(only.pattern, MatchPattern::Dictionary(_)))
}

fn warning_word(warning: Warning) -> &'static str {
    match warning {
        Warning::StraightRowsOfKeysAreEasyToGuess => "straight-rows-of-keys",
        Warning::ShortKeyboardPatternsAreEasyToGuess => "short-keyboard-patterns",
        Warning::RepeatsLikeAaaAreEasyToGuess => "repeated-characters",
        Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => "repeated-words",
        Warning::ThisIsATop10Password => "among-the-10-most-used",
        Warning::ThisIsATop100Password => "among-the-100-most-used",
        Warning::ThisIsACommonPassword => "often-used",
        Warning::ThisIsSimilarToACommonlyUsedPassword => "like-an-often-used-one",
        Warning::SequencesLikeAbcAreEasyToGuess => "sequences",
        Warning::RecentYearsAreEasyToGuess => "recent-years",
        Warning::AWordByItselfIsEasyToGuess => "a-word-by-itself",
        Warning::DatesAreOftenEasyToGuess => "dates",
        Warning::NamesAndSurnamesByThemselvesAreEasyToGuess => "a-name-by-itself",
        Warning::CommonNamesAndSurnamesAreEasyToGuess => "common-names",
    }
}

fn suggestion_word(suggestion: Suggestion) -> &'static str {
    match suggestion {
        Suggestion::UseAFewWordsAvoidCommonPhrases => "use-a-few-words",
        Suggestion::NoNeedForSymbolsDigitsOrUppercaseLetters => "no-need-for-symbols",
        Suggestion::AddAnotherWordOrTwo => "add-another-word",
        Suggestion::CapitalizationDoesntHelpVeryMuch => "capitals-help-little",
        Suggestion::AllUppercaseIsAlmostAsEasyToGuessAsAllLowercase => "all-capitals-help-little",
        Suggestion::ReversedWordsArentMuchHarderToGuess => "reversed-words-help-little",
        Suggestion::PredictableSubstitutionsDontHelpVeryMuch => "substitutions-help-little",
        Suggestion::UseALongerKeyboardPatternWithMoreTurns => "longer-keyboard-pattern",
        Suggestion::AvoidRepeatedWordsAndCharacters => "avoid-repetition",
        Suggestion::AvoidSequences => "avoid-sequences",
        Suggestion::AvoidRecentYears => "avoid-recent-years",
        Suggestion::AvoidYearsThatAreAssociatedWithYou => "avoid-years-of-yours",
        Suggestion::AvoidDatesAndYearsThatAreAssociatedWithYou => "avoid-dates-of-yours",
    }
}
