"""The one list of the dialects that are served, and of those that a credential may be for."""

from collections.abc import Mapping

from carillon.dialects.apifon.routes import DIALECT as APIFON
from carillon.dialects.devino.routes import DIALECT as DEVINO
from carillon.dialects.inforu.routes import DIALECT as INFORU
from carillon.dialects.inwise.routes import DIALECT as INWISE
from carillon.dialects.mount import Dialect
from carillon.dialects.nrs.routes import DIALECT as NRS
from carillon.tenancy.credentials import KeyWords

DIALECTS: tuple[Dialect, ...] = (INFORU, NRS, INWISE, APIFON, DEVINO)
# Of our own API, which is not served yet, there may be keys already.
KEY_WORDS: Mapping[str, KeyWords] = {one.name: one.key_words for one in DIALECTS} | {"native": KeyWords()}
