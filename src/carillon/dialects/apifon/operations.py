"""The table of the endpoints."""

from collections.abc import Sequence

from carillon.dialects.apifon.operations_im import IM_OPERATIONS
from carillon.dialects.apifon.operations_lists import FIELD_OPERATIONS, LIST_OPERATIONS
from carillon.dialects.apifon.operations_messages import MESSAGE_OPERATIONS
from carillon.dialects.apifon.operations_otp import OTP_OPERATIONS
from carillon.dialects.apifon.operations_subscribers import BLOCK_OPERATIONS, SUBSCRIBER_OPERATIONS
from carillon.dialects.rest import Operation

OPERATIONS: Sequence[Operation] = (
    *LIST_OPERATIONS,
    *FIELD_OPERATIONS,
    *SUBSCRIBER_OPERATIONS,
    *BLOCK_OPERATIONS,
    *MESSAGE_OPERATIONS,
    *IM_OPERATIONS,
    *OTP_OPERATIONS,
)
