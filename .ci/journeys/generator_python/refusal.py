"""The problem of a refused request."""

from collections.abc import Callable

from sarcoscreen_client import Problem
from sarcoscreen_client.exceptions import ApiException


def refusal(call: Callable[..., object], **arguments: object) -> Problem:
    try:
        call(**arguments)
    except ApiException as error:
        return error.data
    raise AssertionError("the request must be refused")
