"""The one list of the dialects that are served."""

from carillon.dialects.apifon.routes import DIALECT as APIFON
from carillon.dialects.devino.routes import DIALECT as DEVINO
from carillon.dialects.inforu.routes import DIALECT as INFORU
from carillon.dialects.inwise.routes import DIALECT as INWISE
from carillon.dialects.mount import Dialect
from carillon.dialects.nrs.routes import DIALECT as NRS

DIALECTS: tuple[Dialect, ...] = (INFORU, NRS, INWISE, APIFON, DEVINO)
