"""The one list of the dialects that are served, and of those that a credential may be for."""

from collections.abc import Mapping

from carillon.dialects.apifon.dialect import DIALECT as APIFON
from carillon.dialects.contract import Dialect
from carillon.dialects.devino.dialect import DIALECT as DEVINO
from carillon.dialects.inforu.dialect import DIALECT as INFORU
from carillon.dialects.inwise.dialect import DIALECT as INWISE
from carillon.dialects.nrs.dialect import DIALECT as NRS
from carillon.events.format import CallbackFormat
from carillon.tenancy.credentials import CredentialFormat

DIALECTS: tuple[Dialect, ...] = (INFORU, NRS, INWISE, APIFON, DEVINO)
CREDENTIAL_FORMAT: Mapping[str, CredentialFormat] = {one.name: one.credential_format for one in DIALECTS}

CALLBACK_FORMATS: Mapping[str, CallbackFormat] = {
    one.callbacks.dialect: one.callbacks for one in DIALECTS if one.callbacks is not None
}
