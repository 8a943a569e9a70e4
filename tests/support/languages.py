"""Short texts in many languages, written for the tests, and encodings in which such texts come."""

from __future__ import annotations

TEXTS = {
    "en": """The old woman said that she wouldn’t sell the house, and that was the end of it. “You can’t have it,” she
told them – “not for all the money in the world.” They were sorry, but there was nothing that they could
do about it. In the evening it rained, and the whole family sat by the fire and talked about what the
“experts” had said. It wasn’t much.""",
    "fr": """Le café était fermé quand nous sommes arrivés à la gare. Ma sœur a téléphoné à sa mère, qui n’était pas
là, et nous avons attendu sous la pluie pendant des heures. Il a été décidé que la fête serait organisée
au château dans une semaine, mais personne ne savait où dormir. Les élèves ont préféré rester chez eux,
ce qui était peut-être plus sûr.""",
    "de": """Die Bäckerei an der Straße öffnet früh, und der Duft von Brötchen zieht durch das ganze Viertel. Für die
Kinder ist es ein Vergnügen, auf dem Weg zur Schule dort stehen zu bleiben. Später, wenn die Tür wieder
geschlossen ist, hört man nur noch die Vögel. Niemand weiß, wie lange das so bleiben wird, denn das
Gebäude soll nächstes Jahr verkauft werden, und über den Preis wird schon gesprochen.""",
    "es": """La niña llegó tarde a la estación porque el autobús se había averiado. Después de esperar más de una
hora, preguntó al señor de la taquilla qué tren podía coger para volver a casa. Él le explicó que mañana
habría más trenes, pero que esa noche no salía ninguno. ¿Qué haría entonces? Llamó a su tía, que vivía
cerca, y durmió allí.""",
    "pt": """A estação estava vazia quando o comboio chegou, e não havia ninguém à espera. Ela pôs a mala no chão e
ficou a olhar para o relógio, que já não funcionava há anos. Depois começou a andar em direção à cidade,
porque também não tinha dinheiro para o táxi. Os irmãos dela moravam lá, mas não sabiam que ela vinha.
Amanhã será outro dia, pensou então.""",
    "it": """La città era già sveglia quando il treno arrivò. Perché nessuno fosse venuto a prenderla non lo sapeva,
ma non aveva più voglia di aspettare. Prese la valigia e andò a piedi fino alla piazza, dove c'era un
caffè che conosceva. Lì ordinò un tè e pensò a quello che avrebbe detto a sua madre. La verità,
naturalmente, ma non tutta e non così in fretta.""",
    "sv": """När hon kom hem på kvällen var det mörkt i köket och ingen hade lagat någon mat. Hon tände lampan, satte
på radion och började skära lök. Utanför föll snön över trädgården, och på vägen hördes en bil som inte
ville starta. Det var så tyst i huset att hon hörde klockan. Varför hade de inte ringt? Kanske för att de
trodde att hon var på väg.""",
    "pl": """Wieczorem cała rodzina usiadła przy stole i zaczęła się rozmowa o tym, że dom trzeba będzie sprzedać.
Ojciec nie chciał o tym słyszeć, ale matka już dawno podjęła decyzję. Dzieci bawiły się na podłodze i nie
rozumiały, co się dzieje. Następnego dnia przyszedł człowiek, który obejrzał wszystkie pokoje i zapytał,
czy można wejść na strych.""",
    "ru": """Вечером вся семья собралась на кухне, и отец сказал, что дом придётся продать. Мать не стала спорить,
потому что она давно это знала, но дети ещё ничего не понимали. Они сидели у окна и смотрели, как по
дороге едут машины. На следующий день пришёл человек, который осмотрел все комнаты и спросил, можно ли
подняться на чердак.""",
    "uk": """Увечері вся родина зібралася на кухні, і батько сказав, що будинок доведеться продати. Мати не стала
сперечатися, бо вона давно про це знала, але діти ще нічого не розуміли. Вони сиділи біля вікна й
дивилися, як по дорозі їдуть машини. Наступного дня прийшов чоловік, який оглянув усі кімнати і запитав,
чи можна піднятися на горище.""",
    "bg": """Вечерта цялото семейство се събра в кухнята и бащата каза, че къщата ще трябва да се продаде. Майката не
започна да спори, защото отдавна знаеше това, но децата още нищо не разбираха. Те седяха до прозореца и
гледаха как по пътя минават коли. На другия ден дойде човек, който огледа всички стаи и попита дали може
да се качи на тавана.""",
    "zh-Hans": """晚上全家人都坐在厨房里，父亲说这个房子要卖了。母亲没有说什么，因为她早就知道了，可是孩子们还不明白
发生了什么事。他们坐在窗前，看着外面的车一辆一辆地开过去。第二天来了一个人，他看了所有的房间，问能
不能到上面去看一看。大家都不知道他是谁，也不知道他为什么对这个老房子这么有兴趣。""",
    "zh-Hant": """晚上全家人都坐在廚房裡，父親說這個房子要賣了。母親沒有說什麼，因為她早就知道了，可是孩子們還不明白
發生了什麼事。他們坐在窗前，看著外面的車一輛一輛地開過去。第二天來了一個人，他看了所有的房間，問能
不能到上面去看一看。大家都不知道他是誰，也不知道他為什麼對這個老房子這麼有興趣。""",
    "ja": """夜になると家族はみんな台所に集まり、父は家を売らなければならないと言った。母は何も言わなかった。ず
っと前から知っていたからだ。けれども子供たちにはまだ何もわからなかった。窓のそばにすわって、道を走
る車を見ていた。次の日に一人の男が来て、すべての部屋を見てまわり、屋根裏に上がってもいいかとたずね
た。""",
    "ko": """저녁이 되자 온 가족이 부엌에 모였고, 아버지는 집을 팔아야 한다고 말했다. 어머니는 아무 말도 하지
않았다. 오래 전부터 알고 있었기 때문이다. 하지만 아이들은 아직 아무것도 이해하지 못했다. 그들은
창가에 앉아서 길을 지나가는 차를 보고 있었다. 다음 날 한 사람이 와서 모든 방을 둘러보고 다락에
올라가도 되는지 물었다.""",
    "el": """Το βράδυ όλη η οικογένεια μαζεύτηκε στην κουζίνα, και ο πατέρας είπε ότι το σπίτι θα πρέπει να πουληθεί.
Η μητέρα δεν είπε τίποτα, γιατί το ήξερε από καιρό, αλλά τα παιδιά δεν καταλάβαιναν ακόμα τι γίνεται.
Κάθονταν στο παράθυρο και κοίταζαν τα αυτοκίνητα που περνούσαν από τον δρόμο.""",
}
"""A few sentences in each language."""

ENCODED = {
    "cp1252": ("fr", "de", "es", "pt", "it", "sv", "en"),
    "latin-1": ("fr", "de", "es", "pt", "it", "sv"),
    "cp1251": ("ru", "uk", "bg"),
    "koi8-r": ("ru", "bg"),
    "gbk": ("zh-Hans",),
    "big5": ("zh-Hant",),
    "shift_jis": ("ja",),
    "euc-jp": ("ja",),
    "euc-kr": ("ko",),
    "cp1250": ("pl",),
    "iso8859-2": ("pl",),
    "cp1253": ("el",),
    "cp866": ("ru", "bg"),
    "utf-16-le": tuple(TEXTS),
    "utf-16-be": tuple(TEXTS),
}
"""Encodings that files come in, and languages of such files."""

CASES = [(encoding, language) for encoding, languages in ENCODED.items() for language in languages]


def encoded(encoding: str, language: str) -> bytes:
    """Return a text in an encoding; what it lacks, such as quotes, is written as typewriters would."""
    typed = {"’": "'", "“": '"', "”": '"', "–": "-", "œ": "oe"}
    text = TEXTS[language]
    return "".join(sign if _has(encoding, sign) else typed.get(sign, "?") for sign in text).encode(encoding)


def _has(encoding: str, sign: str) -> bool:
    try:
        sign.encode(encoding)
    except ValueError:
        return False
    return True
