"""Texts of many scripts, at the lengths where parts begin and end."""

import random
from collections.abc import Iterator

from hypothesis import strategies as st

SCRIPTS = {
    "english": "The quick brown fox jumps over the lazy dog. 0123456789 !?\"#%&'()*+,-./:;<=>@_$\r\n",
    "german": "Grüße aus Köln, Ärger über Öl: ß und § 5 ",
    "spanish": "¿Dónde está el niño? ¡Aquí, señor Ñandú! Güell à è ì ò ù ",
    "portuguese": "Olá, São João! Não há ações à venda; coração, três, avô, ÁÀÂÃÇÉÊÍÓÔÕÚÜ ",
    "portuguese rarities": "ªº∞`~^\\|€ ΦΓΩΠΨΣΘΞΛ ñÑ ",
    "greek capitals": "ΓΔΘΛΞΠΣΦΨΩ KAI TO ",
    "greek": "Καλημέρα κόσμε, τι κάνεις; ",
    "hebrew": "שלום עולם, מה שלומך? ",
    "arabic": "مرحبا بالعالم، كيف حالك؟ ",
    "russian": "Привет, мир! Ёлка — 5 ₽ ",
    "hindi": "नमस्ते दुनिया, क्षत्रिय ",
    "chinese": "你好\uff0c世界。短信測試",
    "japanese": "こんにちは世界、ｶﾀｶﾅ ",
    "korean": "안녕하세요 세계 ",
    "thai": "สวัสดีชาวโลก ",
    "extension": "[]{}~^\\|€\f",
    "emoji": "😀👍🏽👩‍👩‍👧‍👦🇫🇷❤️🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "outside the plane": "𝒳𐍈𠜎🂡",
    "latin-1": "ÿþýÝÐ©®²³¼½\u00d7÷",
    "controls": "\x00\x07\t\x1b\x7f\x85",
    "typographic": "“quoted” \u2018it\u2019s\u2019 \u2013 — … • \u00a0\u200b\u202f",
    "lone surrogates": "ab\ud83d\udc00",
}

LENGTHS = sorted(
    {
        size + more
        for size in (0, 66, 67, 70, 76, 80, 132, 133, 134, 140, 146, 149, 152, 153, 155, 160, 201, 268, 298, 306, 459)
        for more in (-1, 0, 1)
        if size + more >= 0
    }
)


def corpus(seed: int = 12) -> Iterator[str]:
    """Texts of each script at each length, pure and mixed with another script: some thousands."""
    chance = random.Random(seed)  # noqa: S311 - repeatable texts, no secrets
    names = list(SCRIPTS)
    for name in names:
        for length in LENGTHS:
            letters = SCRIPTS[name]
            yield "".join(chance.choice(letters) for _ in range(length))
            other = SCRIPTS[chance.choice(names)]
            yield "".join(chance.choice(other if chance.random() < 0.03 else letters) for _ in range(length))
            english = "".join(chance.choice(SCRIPTS["english"]) for _ in range(length))
            place = chance.randrange(length + 1)
            yield english[:place] + chance.choice(letters) + english[place:]


texts = st.one_of(
    st.text(max_size=500),
    *(st.text(alphabet=sorted(set(letters)), max_size=500) for letters in SCRIPTS.values()),
    st.lists(st.sampled_from(sorted(set("".join(SCRIPTS.values())))), max_size=400).map("".join),
)
