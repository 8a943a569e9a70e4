"""Which language a text reads like, and which of its characters are strange in that language.

This is how a guessed encoding is checked: bytes that are read in a wrong encoding give characters, but no language.
What counts is only what is beyond ASCII. The tables are fixed, so a text is judged alike on every machine.
"""

from __future__ import annotations

import functools
import re
import sys
from collections import Counter
from typing import NamedTuple

FREQUENT = 0.06
"""The share of the words that are among the frequent ones of a language, in a text that surely is in this language."""


_ENOUGH = 4
"""Frequent words, or characters, without which a text is too short to tell."""
_NEARLY = 0.6
"""Two languages are as likely if the shares of their frequent words differ by less than this factor."""


class _Alphabet(NamedTuple):
    """The letters beyond ASCII that a language writes, and words that every longer text in it has."""

    letters: str
    words: str


_CYRILLIC = "абвгдежзиклмнопрстуфхцчш"
_ALPHABETS = {
    "en": _Alphabet(
        "éèêëïöüñçàâ",
        "the of and to in is it you that he was for on are with as his they be at this have from or by not but what "
        "all were when we there can an your which their if will how about then them would so these her him has more "
        "could no my than been who its now did any our i don't it's",
    ),
    "fr": _Alphabet(
        "àâæçéèêëîïôœùûüÿñ",
        "le la les de des du un une et est en dans pour que qui ne pas par sur au aux avec ce cette ces il elle ils on "
        "se son sa ses ou plus sont être à été vous nous je mais comme si peut leur d l c n qu s",
    ),
    "de": _Alphabet(
        "äöüßéàèêáç",
        "der die das und ist in den von zu mit nicht auf für des dem sich ein eine einen einer es als an auch werden "
        "wird wenn oder aus sie bei nach im am sind wie nur kann zum zur durch man ich er wir hat haben war noch über "
        "um so ihr vor mehr kein keine dass diese dieser",
    ),
    "es": _Alphabet(
        "áéíóúüñçºª",
        "de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le este si sobre "
        "esta entre cuando ser son dos también fue puede muy sin me hay todo está esto nos ya qué",
    ),
    "pt": _Alphabet(
        "áâãàçéêíóôõúüºª",
        "de a o que e do da em um para é com não uma os no se na por mais as dos como mas ao das à seu sua ou quando "
        "muito nos já eu também pelo pela até isso ele são está ser pode este esta foi você",
    ),
    "it": _Alphabet(
        "àèéìîòùº",
        "di che e la il un a è per in una non sono del della si le con da dei come più o i ma al nel alla delle se gli "
        "lo anche questo questa può essere su ha viene cui tra dal mi ti ci l'",
    ),
    "sv": _Alphabet(
        "åäöéàèüáñ",
        "och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan när nu "
        "eller ut du ska man vid över efter inga sin andra dig din detta denna alla",
    ),
    "da": _Alphabet(
        "æøåéäöüêè",
        "og i at det en den til er som på de med af for ikke der var han et fra har om men vi jeg kan sig nogle skal "
        "eller så når hvis du ved også blive bliver dette denne alle din dit ud og hvor",
    ),
    "no": _Alphabet(
        "æøåéäöüòôêèó",
        "og i at det en den til er som på de med av for ikke der var han et fra har om men vi jeg kan seg noen skal "
        "eller så når hvis du ved også blir dette denne alle din ut hvor ein eit ikkje frå",
    ),
    "nl": _Alphabet(
        "ëéèïöüáóêàâîçíôû",
        "de het een en van in is dat op te met voor niet zijn aan er om ook als dan maar bij uit naar of wordt door "
        "deze die u kan worden hebben heeft nog over wel tot zo je ik hij ze we was",
    ),
    "fi": _Alphabet(
        "äöåšžéü",
        "ja on ei se että oli hän mutta kun niin tai joka ovat jos myös vain voi sen ole kuin nyt sitä jotka mitä tämä "
        "tämän voit voidaan olla siitä",
    ),
    "is": _Alphabet(
        "áéíóúýþæöð",
        "og að í á er það sem ekki við en um til með var af hann fyrir eru ég hún því þú ef eða frá þetta hefur verið "
        "úr þegar svo",
    ),
    "ca": _Alphabet(
        "àáçèéíïòóúüñ·",
        "de la que i el a en per un les no una és els amb del es al si o com més ha però aquest aquesta està seu seva "
        "també quan pot podeu feu d l",
    ),
    "pl": _Alphabet(
        "ąćęłńóśźżéüö",
        "i w na z do nie się że jest to o jak po od za dla co przez ale przy tym oraz lub być są może tego tylko czy "
        "które który która tak już jego ich go nim aby jeśli można pliku plik dla nie są przez",
    ),
    "cs": _Alphabet(
        "áčďéěíňóřšťúůýžöü",
        "a se v na je že s z do o to i ve pro jako za by ale po si jsou nebo k od které který která při tak jen být "
        "není byl může lze pokud tento této pomocí ze u",
    ),
    "sk": _Alphabet(
        "áäčďéíĺľňóôŕšťúýžöüě",
        "a sa v na je že s z do o to i vo pre ako za by ale po si sú alebo k od ktoré ktorý ktorá pri tak len byť nie "
        "bol môže ak tento tejto pomocou zo",
    ),
    "hu": _Alphabet(
        "áéíóöőúüűä",
        "a az és hogy nem is egy ez meg van azt csak de ha el vagy már mint be ki volt le lehet majd még minden ezt "
        "kell itt akkor amely illetve pedig például ha vagy jobb lévő",
    ),
    "ro": _Alphabet(
        "ăâîșțşţéö",
        "de și şi în a la cu pe nu este o care din un se mai pentru că sunt al ale prin sau fi dacă dar lui ei ce fost "
        "să cel poate această acest",
    ),
    "hr": _Alphabet(
        "čćđšžöü",
        "i u je se na da su za od s o a ne ili kao što te koji koja koje iz bi može ako po do ali biti nije samo kada "
        "ovo ove",
    ),
    "sl": _Alphabet(
        "čšžćđöü",
        "in v je se na da so za od s z o a ne ali kot ki iz bi lahko če po do biti ni samo tudi pri ta to kadar",
    ),
    "tr": _Alphabet(
        "çğıöşüâîûi̇",
        "ve bir bu için ile da de olarak olan çok daha en gibi her ne ya veya kadar sonra var değil ise ben o mi ki "
        "olur olduğu eğer şu",
    ),
    "lt": _Alphabet(
        "ąčęėįšųūž", "ir yra kad į su iš tai kaip bet ar už nuo tik po jei arba buvo gali prie per jo taip"
    ),
    "lv": _Alphabet("āčēģīķļņšūžōŗ", "un ir ar no ka uz par tas kas vai lai bet kā nav pēc tiek pie šo jūs var ja"),
    "et": _Alphabet("äöõüšž", "ja on ei et see ka kui oli ta mis või aga siis oma seda nii kes välja kas saab ning"),
    "ru": _Alphabet(
        f"{_CYRILLIC}йщъыьэюяё",
        "и в не на что с по как это к а из у за он то для от но бы или все был так о его же при если она они мы ты вы "
        "только может быть чтобы есть до вас ещё уже во я со будет можно файл",
    ),
    "uk": _Alphabet(
        f"{_CYRILLIC}йщьюяєіїґ’'",
        "і в у не на що з та до як це за для від але або ви він є й із по якщо про бути при всі його може було так "
        "було буде щоб цього його її я ми вони файл",
    ),
    "be": _Alphabet(
        f"{_CYRILLIC}йыьэюяёіў",
        "і ў не на што з у да як гэта за для ад але або па пра быць калі яго можа было так я ён",
    ),
    "bg": _Alphabet(
        f"{_CYRILLIC}йщъьюяѝ",
        "на и да за се в от не с е са по че или при ще има към си като това който която които може този тази как ако "
        "но до файл ви той бе го ли беше",
    ),
    "sr": _Alphabet(
        f"{_CYRILLIC}ђјљњћџ", "и у је се на да су за од са о не или као што који која које из може ако по до а"
    ),
    "mk": _Alphabet(
        f"{_CYRILLIC}ѓѕјљњќџѐѝ", "на и да за се во од не со е по дека или при ќе има кон си како ова ако но до"
    ),
    "el": _Alphabet(
        "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",
        "και το της του η να την τα με που ο για σε από είναι θα δεν οι των τον ή στο στην αν ένα μια ως στη αυτό τις "
        "τους μπορείτε",
    ),
    "he": _Alphabet(
        "אבגדהוזחטיךכלםמןנסעףפץצקרשת־׳״", "של את על לא עם זה או אל כל גם הוא אם היא יש כי אני מה אך רק לאחר כאשר ניתן"
    ),
    "ar": _Alphabet(
        "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيـًٌٍَُِّْ،؛؟", "في من على أن إلى هذا لا ما عن مع هذه التي أو كان الذي هو كل لم قد"
    ),
}

_SYMBOLS = "‘’‚“”„†‡•…‰‹›–—―\u2011™€£§©«»®°·¡¿²³±×÷½¼¾µ\u00a0\u00adº№´→←"
"""Signs that a text in any language may have, around words."""

_NOT_BEHIND_LETTERS = "†‡•¿¡¬¨¸¦¤÷×±¶‰¥¢£§¼½¾"

_HANS = (
    "的一是不了在有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所"
    "民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日"
    "那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想"
    "已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指"
    "文件命令选项名称字符输出入参数系统默认缺省目录用户显示信息设置打开选择点击键按返回值网络语言程序包版安装"
)
_HANT = (
    "的一是不了在有和人這中大為上個國我以要他時來用們生到作地於出就分對成會可主發年動同工也能下過子說產種面而方後多定行學法所"
    "民得經十三之進著等部度家電力裡如水化高自二理起小物現實加量都兩體制機當使點從業本去把性好應開它合還因由其些然前外天政四日"
    "那社義事平形相全表間樣與關各重新線內數正心反你明看原又麼利比或但質氣第向道命此變條只沒結解問意建月公無系軍很情者最立代想"
    "已通並提直題黨程展五果料象員革位入常文總次品式活設及管特件長求老頭基資邊流路級少圖山統接知較將組見計別她手角期根論運農指"
    "檔案命令選項名稱字元輸出入參數系統預設目錄使用者顯示訊息設定打開選擇點按鍵返回值網路語言程式套件版安裝"
)
_KANA = "のにをはたがでてとしれさいるなかあこまもっすりきくらそめつけえおみちよ"
_HANGUL = (
    "이다는을의에가를하지은고로기사한도그나리어자인시수대서정아들일전제해있라부동장만과구습니합용스주음으성상면보할것안행여경중방개"
    "원화내선요미오때려설거르파명게모우신식소무공원력값름"
)
_WIDE_SIGNS = "、。「」『』【】《》〈〉〔〕・ー〜～！？，．：；（）［］“”‘’…—·々〃〆ㆍ※→←↑↓○●◎△▲□■☆★"
_WIDE = {
    name: frozenset(signs) for name, signs in {"ja": _KANA, "zh-Hans": _HANS, "zh-Hant": _HANT, "ko": _HANGUL}.items()
}
"""Characters that are frequent in a language without an alphabet of few letters."""
_USUAL = {"ja": 0.2, "zh-Hans": 0.45, "zh-Hant": 0.45, "ko": 0.45}
"""Their share of such characters in a text that surely is in this language."""
LANGUAGES = frozenset({*_ALPHABETS, *_WIDE})


class Fit(NamedTuple):
    """How a text fits a language.

    Attributes:
        language: The language that fits best; empty if there is nothing beyond ASCII.
        share: The share of what is beyond ASCII that fits, from 0 to 1; low if the frequent words are missing.
        foreign: Number of characters beyond ASCII.
        strange: The positions of those that do not fit.
    """

    language: str
    share: float
    foreign: int
    strange: frozenset[int]


NOTHING = Fit("", 0.0, 0, frozenset())


def fit(text: str, languages: frozenset[str] = LANGUAGES) -> Fit:
    """Return how a text fits the one of some languages that it fits best."""
    signs = Counter(text)
    foreign = sum(count for sign, count in signs.items() if sign > "\x7f")
    if not foreign:
        return NOTHING
    wide = sum(count for sign, count in signs.items() if sign >= "\u2e80" and not "\ufb00" <= sign <= "\ufeff")
    return _wide(text, signs, foreign, languages) if 3 * wide >= foreign else _alphabetic(text, foreign, languages)


def _wide(text: str, signs: Counter[str], foreign: int, languages: frozenset[str]) -> Fit:
    kana = sum(signs[sign] for sign in signs if "\u3041" <= sign <= "\u30ff")
    han = sum(signs[sign] for sign in signs if "\u4e00" <= sign <= "\u9fff")
    hangul = sum(signs[sign] for sign in signs if "\uac00" <= sign <= "\ud7a3")
    all_of_them = max(kana + han + hangul, 1)
    frequent = {name: sum(signs[sign] for sign in _WIDE[name]) / all_of_them for name in _WIDE if name in languages}
    if not frequent:
        return NOTHING._replace(foreign=foreign)
    language = max(frequent, key=lambda name: frequent[name] / _USUAL[name])
    strange = frozenset(found.start() for found in _strange_wide(language).finditer(text))
    share = 1 - len(strange) / foreign
    return Fit(
        language,
        share * min(1.0, frequent[language] / _USUAL[language], frequent[language] * all_of_them / _ENOUGH),
        foreign,
        strange,
    )


@functools.cache
def _strange_wide(language: str) -> re.Pattern[str]:
    own = {"ja": "\u3041-\u30ff\u4e00-\u9fff", "ko": "\uac00-\ud7a3\u4e00-\u9fff"}.get(language, "\u4e00-\u9fff")
    return re.compile(f"[^\\x00-\\x7f{own}\uff01-\uff5e\u3000-\u303f\u2460-\u24ff{re.escape(_WIDE_SIGNS + _SYMBOLS)}]")


def _alphabetic(text: str, foreign: int, languages: frozenset[str]) -> Fit:
    # All in upper case says nothing: that is what small letters of one Cyrillic encoding look like in another.
    found = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", text)
    words = Counter(word.lower() if word[1:].islower() else word for word in found)
    total = sum(words.values())
    best = NOTHING._replace(foreign=foreign)
    if not total:
        return best
    shares = {name: sum(words[word] for word in _words(name)) / total for name in _ALPHABETS}
    # The words in ASCII tell the language, however the others are read.
    least = max(max(shares.values()) * _NEARLY, sys.float_info.min)
    likely = sorted((name for name in shares if name in languages and shares[name] >= least), key=lambda n: -shares[n])
    for name in likely:
        usual = min(1.0, shares[name] / FREQUENT, shares[name] * total / _ENOUGH)
        if usual <= best.share:
            break
        strange = frozenset(found.start() for found in _strange(name).finditer(text))
        share = usual * (1 - len(strange) / foreign)
        if share > best.share:
            best = Fit(name, share, foreign, strange)
    return best


@functools.cache
def _words(name: str) -> tuple[str, ...]:
    # The letter a alone is a word of too many languages.
    return tuple(word for word in dict.fromkeys(_ALPHABETS[name].words.split()) if len(word) > 1 or word > "\x7f")


@functools.cache
def _strange(name: str) -> re.Pattern[str]:
    """Return what finds a strange character: of another alphabet, upper case behind lower case, a sign in a word."""
    lower = _ALPHABETS[name].letters
    upper = lower.upper().replace("SS", "ẞ")
    known = re.escape("".join(sorted(set(lower + upper + _SYMBOLS))))
    inner = re.escape(_SYMBOLS.translate({ord(sign): None for sign in "’‘·\u00ad\u2011–—→←\u00a0…"}))
    return re.compile(
        f"[^\\x00-\\x7f{known}]"
        f"|(?<=[a-z{re.escape(lower)}])[{re.escape(upper)}]"
        f"|(?<=[^\\W\\d_])[{inner}](?=[^\\W\\d_])"
        f"|(?<=[^\\W\\d_])[{_NOT_BEHIND_LETTERS}]"
    )
