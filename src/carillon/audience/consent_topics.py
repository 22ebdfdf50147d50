"""Words that names of columns have about who may be written to, beside whole names (`consent_vocabulary`).

They are in the languages of those, without accents where it doesn't matter: `consent_questions` compares them.
"""
# ruff: noqa: RUF001 - letters of other scripts are meant

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Some words, or beginnings of words; each list is another, so that what is made of it is quickly found."""

    listed: tuple[str, ...]


def _listed(*texts: str) -> Words:
    return Words(tuple(word for text in texts for word in text.split()))


CHANNELS = _listed(
    """
    sms mms mail email whatsapp viber telegram messenger contact correo correu correio courriel posta poczt kontakt
    contatt contat смс почта почте почту почтой пошта пошті поштою контакт вайбер ватсап вотсап вацап телеграм
    ταχυδρομ επικοινων סמס מסרון מייל דואר ווטסאפ וואטסאפ ויבר טלגרם بريد واتساب فايبر تليجرام eposta iletişim
    """,
)
"""Beginnings of words for what carries messages."""

TOPICS = _listed(
    # English, and what several languages have
    """
    messag marketing marketab telemarket advert accept agreeing information notif communicat newsletter whatsapp
    campaign remind promotion privac contact promoci promocoe promocj promozion informac informaz informaco
    informier informar informer
    """,
    # German
    """
    nachricht angebot werb zustimm zugestimmt einverst akzeptier empfangen empfangt erhalten erhalt mocht wunsch
    gewunscht erwunscht senden zusend schick zuschick schreib anschreib angeschrieben anruf angerufen benachrichtig
    erlaub kontaktier neuigkeit rundschreib rundmail datenschutz abonn
    """,
    # French, Catalan
    """
    offre publicit prospection demarch recevoir recoi souhait desir envoyer envoyez ecrire appeler autoris actualite
    nouveaute sollicit relance joignable permett texto missatg rebre desitj enviar escriure trucar autoritz noticies
    novetat
    """,
    # Italian
    """
    offert pubblicit comunicazion accett ricev desider inviar scrive scrivi chiamar autorizz novita aggiornament
    profilazion
    """,
    # Spanish, Portuguese
    """
    mensaj ofert publicid anunci comunic acept recib quier deseo desea envien envieis escrib llamar llamad autoriz
    noticia novedad mensage aceit concord receb quer gostar escrev novidad permiss
    """,
    # Greek
    """
    μηνυμ προσφορ προωθ διαφημ μαρκετινγκ συμφων αποδεχ αποδοχ δεχ λαμβαν ληψη λαβω θελω θελει επιθυμ στειλ στελν
    αποστολ γραψ γραφουμε καλεσ κλησ καλουμε ειδοποι ενημερω επιτρεπ συγκατ μπορουμε
    """,
    # Russian, Ukrainian
    """
    сообщен предложен промо реклам маркетинг соглас принима получать получает получаю хоч хотел хотит отправля
    отправк отправит присыл слать шлите писат пишит писем звон уведомл оповещ информ разреш позвол новост повідомл
    звязат звязк пропозиц погодж погоди прийма отримув отримат бажа надсил надісл відправля дзвон дзвін телефонув
    сповіщ інформ дозвол дозвіл новин
    """,
    # Hebrew, Arabic
    """
    הודע קשר מבצע הצע פרסו שיווק מאשר אישר אישור מסכי הסכי לקבל קבלת מקבל רוצ מעוני לשלוח שליחת שלוח לכתוב להתקשר
    התקשר לצלצל לפנות התרא עדכו מידע מותר רשאי חדשות ניוזלטר טלמרקטינג תזכורת رسال رسائل تواصل اتصال عروض عرض ترويج
    تسويق اعلان دعاي موافق اوافق يوافق قبول اقبل يقبل استلام تلقي يريد اريد ارغب يرغب ارسال مراسل مكالم اشعار اخطار
    معلومات سماح يسمح مسموح اخبار نشرة تنبيه
    """,
    # Turkish, Polish
    """
    mesaj teklif kampanya firsat promosyon reklam tanitim pazarlama kabul onay almak alabilir istiyor ister istemi
    gonder yolla aranabil aransin arama arayabil bildir haber bilgilendir musaade duyuru izin wiadomos promoc zgadz
    zgod akcept otrzym chce zyczy wysyl wyslij wysla pisac dzwoni telefonowa powiad pozwal pozwol dozwol nowosc
    aktualnos broadcast verteiler prospectabl iscri отриму לעדכן מסרונ תשלח תתקשר تتصل اتصل informow связат связыва
    желает желаю желани желател
    """,
)
"""Beginnings of words for what is sent, and what somebody does about it."""

TOPIC_WORDS = _listed(
    """
    text texts texting textable texted offer offers promo promos ads agree agrees agreed receive receives receiving
    send sends sending sendable write writes want wants wish wishes call calls calling callable allow allows allowed
    allowing permit permits news updates alerts alert push reach authorise authorises authorize authorizes permitted
    subs solicit aktion aktionen info infos accord daccord pub veut veux voulez appel appels avis vull invia invio
    inviamo accordo vuole voglio avvisi mandar acuerdo aviso avisos ligar permite permito permitir permitem permiso
    notícias permet inform informs informed informing informare mktg permets акции акциях акций акция акциями можно
    акції акцій акціях листи листів можна νεα bilgi ret comms eshot eshots edm avisar envios σταλει пуш согл связь
    связи письма письмо письмами spam joindre joignable
    """,
)
"""Words for it that others begin with, too."""

TAKING = _listed(
    """
    refus eras unsub complain cancelam отказ стоп удали удаля убрать исключ відмов видал вилуч стереть verweiger
    ablehn abgelehnt entfern losch supprim effac rifiut rimuov rimoss elimin rechaz borrar cancellami cancellazion recus
    apagar rebutj esborr
    αρνη αρνει σταματ στοπ διακοπ αφαιρ διαγραψ להסיר הסיר הסרה הוסר למחוק מחיק סירב סרב מסרב הפסק להפסיק
    رفض يرفض ايقاف توقف حذف ازال reddet durdur silinsin cikaril odmaw odmow usun skasow sprzeciw przesta اوقف رافض
    """,
)
"""Beginnings of words that are about it and take away by themselves."""

TAKING_WORDS = _listed(
    """
    stop stops stopped stopp stopping remove removes removed removal remover removido remocao delete deletes deleted
    deletion forget arret arreter parar reddi borrado withdrew dnm dne dnt sperre raye radie quitar togliere
    cancellare treure вычеркнуть oposicion oposicao запрещено заборонено ممنوع skreslony skreslona
    """,
)
"""Words that are, and that others begin with."""

USED = _listed(
    """
    use used nutzen verwenden benutzen utiliser usare utilizzare usar utilizar использовать використовувати להשתמש
    שימוש χρησιμοποιηθεί χρησιμοποιείτε χρήση استخدام kullan kullanma kullanmayin uzywac disturb bother target phone
    ring post will vol interested interessiert interesse interesses interesa interessa interesados interess
    disturbed stören
    interessato zainteresowany
    """,
)
"""Words that are about it beside one that denies, and about anything else without."""

NOT = _listed(
    """
    no not non dont never without against cannot cant nor none off doesnt wont isnt shouldnt mustnt nicht ohne nie
    niemals gegen pas sans ne n jamais contre aucun aucune sin nunca contra ningun sense mai cap nessun nessuna
    nessuno senza contro niente nao sem nenhum δεν μη μην χωρις οχι ποτε εναντιον не без нет против никогда ни ні
    немає проти ніколи нельзя לא אין ללא בלי אל אסור נגד لا ليس بدون عدم غير لن ضد degil hayir yok olmasin bez
    przeciw przeciwko brak nigdy nothing nichts nada rien ничего нічого skip hate hates cease cessate
    """,
)
"""Words that deny."""

NOT_STEMS = _listed(
    """
    kein reject declin disallow disagree prohibit forbid exclud suppress revok withdr cancel block bann oppose
    oppone opone opoe verbot untersag widerr interdi proib prohib vietat запре запрет заборон возраж απαγορ ممنوع
    yasak zabron zakaz
    """,
)
"""Beginnings of words that deny."""

THERE_IS = _listed(
    """
    has have having got hat haben vorhanden a possede tiene tem possui ha te εχει υπαρχει есть имеет имеется наличие
    указан указана є має наявність יש קיים קיימת لديه لديها يوجد عنده var mevcut ma posiada jest is provided given
    address адрес adresse direccion indirizzo endereco כתובת adresi app account number exists known у un une
    eine e elektroniko an the
    """,
)
"""Words that say, beside nothing but a channel, that there is an address."""

HAPPENED = _listed(
    """
    sent opened clicked delivered received contacted called mailed answered returned gesendet verschickt versandt
    versendet geoffnet zugestellt envoye envoyee ouvert enviado enviada enviados abierto entregado inviato inviata
    aperto aberto entregue отправлено отправлен отправлена доставлено открыто прочитано надіслано відправлено נשלח
    נשלחה נשלחו נפתח נקרא سلمت wyslano wyslany otwarto gonderildi okundu σταλθηκε απεσταλη εσταλη εσταλησαν paid
    number count total quantity anzahl cantidad quantita quantidade количество кількість πληθος מספר כמות عدد sayisi
    adedi liczba ilosc wyslane wyslana
    """,
)
"""Words that say what happened, or how often."""
