//! Gender as MOSIP writes it: `male`, `female`, `others`.

/// What is taken for which, whatever its case: English, French, Spanish, Portuguese, Arabic, Hindi and Amharic, MOSIP's own
/// codes, and the initials M, F and O. `H` (hombre, homme) is not among them: where it is used, M may stand for mujer.
const WORDS: [(&str, &[&str]); 3] = [
    ("male", &["male", "m", "mle", "man", "masculin", "homme", "masculino", "hombre", "homem", "ذكر", "पुरुष", "ወንድ"]),
    (
        "female",
        &[
            "female",
            "f",
            "fle",
            "woman",
            "féminin",
            "feminin",
            "femme",
            "femenino",
            "feminino",
            "mujer",
            "mulher",
            "أنثى",
            "انثى",
            "महिला",
            "स्त्री",
            "ሴት",
        ],
    ),
    (
        "others",
        &[
            "others",
            "other",
            "o",
            "oth",
            "autre",
            "autres",
            "otro",
            "otros",
            "otra",
            "outro",
            "outros",
            "آخر",
            "أخرى",
            "अन्य",
            "ሌላ",
        ],
    ),
];

/// MOSIP's word for a gender; `None` where it is none of the known ones, and is then sent as it is.
pub(super) fn normalised(text: &str) -> Option<&'static str> {
    let text = text.trim().to_lowercase();
    WORDS.iter().find(|(_, words)| words.contains(&text.as_str())).map(|(gender, _)| *gender)
}
