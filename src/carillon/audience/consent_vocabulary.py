"""What people call columns of consent in their languages, beside the names of programs (`consent_names`).

Most of it says by yes and no, or by a time, what somebody gets or wants no more, in columns that somebody added.
"""
# ruff: noqa: RUF001 - letters of other scripts are meant

import re
from collections.abc import Mapping

READ: Mapping[str, tuple[str, ...]] = {
    "status": (
        "confirmation status",
        "subscription state",
        "subscriber state",
        "opt in state",
    ),  # the first is inwise's
    "sms_status": ("sms state", "sms subscription state", "mobile subscription state"),
    "email_status": ("email state", "email subscription state", "mail subscription state"),
    "subscribed": (
        *("recibir ofertas", "recibe ofertas", "recibir promociones", "quiere ofertas", "wants marketing"),
        *("recevoir des offres", "recevoir les offres", "ricevere offerte", "receber ofertas", "angebote erwünscht"),
    ),
    "sms_subscribed": (
        *("send sms", "send texts", "sms enabled", "text enabled", "texting enabled", "wants sms", "receive texts"),
        *("receives texts", "textable", "can be texted", "mobile marketing", "phone marketing", "text marketing"),
        *("קבלת sms", "מקבל sms", "מקבלת sms", "לקבל sms", "לשלוח sms", "מאשר sms", "מאשרת sms", "אישור sms"),
        *("получать смс", "получает смс", "отправлять смс", "смс разрешены", "смс разрешено", "разрешить смс"),
        *("получать sms", "получает sms", "отправлять sms", "sms разрешены", "разрешить sms"),
        *("λήψη sms", "λαμβάνει sms", "δέχεται sms", "αποστολή sms", "επιτρέπεται sms", "θέλει sms"),
        *("enviar sms", "recibir sms", "quiere sms", "sms activado", "receber sms", "recebe sms", "quer sms"),
        *("envoyer sms", "recevoir sms", "reçoit sms", "invia sms", "ricevere sms", "riceve sms", "vuole sms"),
        *("sms erlaubt", "sms senden", "sms erwünscht", "sms empfangen", "sms gewünscht"),
    ),
    "email_subscribed": (
        *("send email", "send emails", "email enabled", "wants email", "wants emails", "emailable", "can be emailed"),
        *("קבלת מייל", "קבלת מיילים", "מאשר מייל", "אישור מייל", "לשלוח מייל", "λήψη email", "λαμβάνει email"),
        *("получать email", "получает email", "получать письма", "получает письма", "δέχεται email"),
        *("enviar email", "recibir email", "recibir emails", "recibir correos", "receber email", "receber emails"),
        *("recevoir email", "recevoir emails", "envoyer email", "ricevere email", "riceve email", "invia email"),
        *("email erlaubt", "e-mails erwünscht", "mail erlaubt", "mails erwünscht", "email erwünscht"),
    ),
    "unsubscribed": (
        *("archived at", "archived on", "is archived", "archive date", "date archived", "removal date"),
        *("date of removal", "not interested", "never contact", "no messages", "no ads", "no promo", "no promotions"),
        *("לא מעוניין", "לא מעוניינת", "לא לפנות", "לא רוצה", "לא רוצה לקבל", "לא להתקשר", "לא מקבל הודעות"),
        *("стоп", "не получает", "не получать", "не хочет", "не желает", "не контактировать", "не связываться"),
        *("отозвано", "отозван", "отозвал", "отозвала", "отозвано согласие"),
        *("μην στείλετε", "μη στέλνετε", "μην στέλνετε", "να μην σταλεί", "δεν θέλει", "δεν ενδιαφέρεται"),
        *("no llamar", "no autoriza", "no quiere", "não quer", "não autoriza", "não receber"),
        *("ne veut pas", "ne pas solliciter", "non vuole", "non desidera", "non autorizza"),
        *("abbestellt", "ausgetragen", "kein interesse", "kein kontakt", "descadastrada", "désabonnée", "désinscrite"),
        *("désinscription", "disiscritta", "disiscrizione", "cancelar suscripción"),
    ),
    "sms_unsubscribed": (
        *("never text", "stop sms", "sms stop", "no text", "no text messages", "keine sms", "pas de sms", "niente sms"),
        *("sin sms", "sem sms", "без смс", "без sms", "не слать смс", "χωρίς sms", "όχι sms"),
    ),
    "email_unsubscribed": (
        *("never email", "stop email", "stop emails", "keine mails", "keine e-mails", "pas d'email", "niente email"),
        *("sin email", "sem email", "χωρίς email", "όχι email"),
    ),
    "blocked": (
        *("lista de excluidos", "bloqueada", "bloquée", "bloccata", "registro delle opposizioni"),
        *("kontaktsperre", "versandsperre", "bloctel", "נחסם", "נחסמה", "μπλοκαρισμένος", "μπλοκαρισμένη"),
        *("lista robinson", "robinsonliste", "liste robinson", "заблокирована"),
    ),
    "email_blocked": ("rebotado", "rebotada", "email rebotado", "rimbalzato", "rimbalzata", "unzustellbar"),
}
"""What is read, by what it says (`consent_names.TARGETS`)."""

DOUBTFUL: Mapping[str, tuple[str, ...]] = {
    "subscribed": (
        # English
        *("notifications", "notifications enabled", "notify", "updates", "email updates", "sms updates", "promo"),
        *("promos", "sms notifications", "email notifications", "alerts", "sms alerts", "email alerts", "text alerts"),
        *("text messages", "sms messages", "sms reminders", "agree", "agreed", "i agree", "agrees", "advertising"),
        *("marketing emails", "marketing sms", "marketing texts", "whatsapp marketing", "partner offers"),
        *("third party", "third party marketing", "special offers", "mailing ok", "permitted", "may contact"),
        # Hebrew
        *("מנוי", "מנויה", "רשום", "רשומה", "מעוניין", "מעוניינת", "מסכים", "מסכימה", "קבלת עדכונים", "קבלת מבצעים"),
        *("קבלת הודעות", "אישור קבלת הודעות", "אישור פרסום", "מאשר פרסום", "רוצה לקבל", "עדכונים", "מבצעים"),
        # Russian
        *("смс", "смс уведомления", "sms уведомления", "уведомления", "оповещения", "получает", "получать", "новости"),
        *("акции", "разрешено", "разрешение", "разрешил", "разрешила", "хочет получать", "спецпредложения"),
        # Greek
        *("εγγεγραμμένος", "εγγεγραμμένη", "συμφωνεί", "συμφωνώ", "δέχεται", "ενημερώσεις", "ενημέρωση", "προσφορές"),
        *("λήψη ενημερώσεων", "λήψη προσφορών", "ειδοποιήσεις", "επιτρέπεται", "εμπορική επικοινωνία", "αποδέχεται"),
        # Spanish, Portuguese
        *("ofertas", "promociones", "novedades", "comunicaciones", "notificaciones", "avisos", "consiente", "permiso"),
        *("privacidad", "comunicaciones comerciales", "inscrito", "inscrita", "promoções", "novidades", "notificações"),
        *("concorda", "aceite", "permissão", "privacidade", "comunicações"),
        # German
        *("benachrichtigungen", "infos", "angebote", "zustimmung", "zugestimmt", "stimmt zu", "erlaubnis"),
        *("datenschutz", "akzeptiert", "angemeldet", "abonniert", "abonnent", "aktionen", "werbemails", "infomails"),
        # French
        *("abonné", "abonnée", "inscrit", "inscrite", "offres", "actualités", "prospection", "démarchage"),
        *("offres partenaires", "autorise", "accepte les offres", "alertes", "alertes sms", "nouveautés"),
        # Italian
        *("iscritto", "iscritta", "autorizza", "autorizzazione", "offerte", "promozioni", "novità"),
        *("notifiche", "pubblicità", "informativa", "comunicazioni", "comunicazioni commerciali", "profilazione"),
    ),
    "unsubscribed": (
        # English
        *("unreachable", "refused", "declined", "objected", "objects", "spam", "is spam", "junk", "tps", "ctps", "fps"),
        *("mps", "refused at", "declined at", "objected at", "refuses", "unwilling", "wrong number", "wrong email"),
        *("invalid", "invalid phone", "invalid number", "invalid mobile", "phone invalid", "dead number", "dead email"),
        *("not deliverable", "purged", "erased", "anonymized", "anonymised", "forgotten", "right to be forgotten"),
        *("erasure date", "deletion date", "deletion requested", "remove", "remove me", "to be removed", "off list"),
        *("litigator", "gone away", "moved away"),
        # Hebrew
        *("סירב", "סירבה", "הפסיק", "הפסיקה", "מספר שגוי", "לא תקין", "תלונה", "ספאם", "בוטל", "בוטלה", "עזב", "עזבה"),
        *("מאורכב", "בארכיון", "נמחקה", "מושעה", "לא זמין", "סורב", "מתנגד", "נפטרה"),
        # Russian
        *("чс", "исключён", "исключена", "исключить", "исключение", "жалоба", "жалобы", "спам", "недоступен"),
        *("недоступна", "отклонён", "отклонил", "отклонила", "возражает", "против", "архив", "в архиве", "архивный"),
        *("выбыл", "выбыла", "ушёл", "ушла", "неверный номер", "недействителен", "бан", "забанен", "забанена"),
        *("деактивирован", "отключён", "отключена", "не интересно", "умер", "умерла"),
        # Greek
        *("εξαιρείται", "εξαίρεση", "αρνήθηκε", "άρνηση", "αρνείται", "ανάκληση", "ανακλήθηκε", "παράπονο"),
        *("καταγγελία", "ανεπιθύμητο", "ανεπιθύμητα", "αφαιρέθηκε", "αφαίρεση", "αρχειοθετήθηκε", "αποχώρησε"),
        *("αποχώρηση", "λάθος αριθμός", "άκυρος αριθμός", "διακοπή", "σταμάτησε", "απενεργοποιήθηκε", "απεβίωσε"),
        # Spanish, Portuguese
        *("excluido", "excluida", "excluir", "rechazada", "rechazo", "se opone", "queja", "denuncia", "archivado"),
        *("archivada", "retirado", "retirada", "revocado", "revocada", "desactivado", "desactivada", "número inválido"),
        *("correo inválido", "teléfono erróneo", "no válido", "fallecido", "fallecida", "suprimido", "borrado"),
        *("recusado", "recusou", "recusa", "opõe-se", "reclamação", "arquivado", "arquivada"),
        *("removido", "removida", "desativado", "desativada", "revogado", "revogada", "falecido", "inválido"),
        # German
        *("abgelehnt", "ausgeschlossen", "ausschluss", "gestrichen", "beschwerde", "archiviert", "archiviert am"),
        *("entfernt", "entfernt am", "deaktiviert", "deaktiviert am", "inaktiv seit", "ausgetreten", "austritt"),
        *("austrittsdatum", "gekündigt am", "kündigungsdatum", "ungültig", "ungültige nummer", "nicht erreichbar"),
        *("verweigert", "zurückgezogen", "gelöscht am", "verzogen"),
        # French
        *("exclu", "exclue", "bloqué", "exclusion", "refus", "refusé", "opposé", "s'oppose", "plainte", "archivé"),
        *("archivée", "retiré", "retirée", "révoqué", "désactivé", "désactivée", "résiliée", "date de résiliation"),
        *("supprimé le", "invalide", "numéro invalide", "email invalide", "injoignable", "décédé", "décédée", "npai"),
        *("non intéressé", "liste rouge"),
        # Italian
        *("escluso", "esclusa", "esclusione", "rifiutato", "rifiutata", "rifiuta", "rifiuto", "si oppone", "reclamo"),
        *("opposizione", "archiviato", "archiviata", "rimosso", "rimossa", "disattivato", "disattivata", "cancellato"),
        *("cancellata", "disdetta", "non valido", "numero errato", "irraggiungibile", "deceduto", "deceduta"),
        *("annullata", "non interessato"),
    ),
}
"""What is consent in one file and something else in another, by how yes and no are read (`doubtful_kind`)."""

_ASKED_NOT = (
    # Before it the word for not.
    *("don'?t", "do not", "never"),
    *("no", "non", "não", "nao", "ne pas", "ne plus", "nicht", "не", "לא", "אין", "μη", "μην", "δεν"),
)
_DONE = (
    *("contact", "call", "phone", "ring", "text", "sms", "e?mail", "mail", "write", "solicit", "market", "promote"),
    *("llamar", "autoriza", "acepta", "quiere", "recibir", "recibe", "escribir", "mandar", "molestar", "contactar"),
    *("ligar", "quer", "receber", "aceita", "escrever", "appeler", "envoyer", "solliciter", "écrire", "relancer"),
    *("chiamare", "scrivere", "vuole", "desidera", "autorizza", "accetta", "inviare", "contattare"),
    *("anrufen", "anschreiben", "anmailen", "senden", "schicken", "kontaktieren", "versenden"),
    *("получает", "получать", "хочет", "желает", "слать", "связываться", "контактировать", "тревожить"),
    *("לפנות", "לשלוח", "להתקשר", "רוצה", "מעוניין", "מעוניינת", "מאשר", "מאשרת", "מסכים", "מסכימה"),
    *("στείλετε", "στέλνετε", "καλέσετε", "καλείτε", "θέλει", "επιθυμεί", "δέχεται", "συμφωνεί", "ενοχλείτε"),
)
REFUSED = re.compile(rf"(?i)(?<![^\W_])({'|'.join(_ASKED_NOT)})[\s_-]+({'|'.join(_DONE)})(?![^\W_])")
"""What somebody is asked not to do, or doesn't want, as words of a name: these are parts of ordinary ones."""
