"""How the wire is read."""

import pytest
from pydantic import ValidationError
from typing_extensions import TypedDict

from projections.decode.wire import OptionalId, Sparse, Text, reader


class _Chat(TypedDict, total=False):
    id: OptionalId
    name: Text


class _Letter(TypedDict, total=False):
    chat: Sparse[_Chat]


read = reader(_Letter)


def test_an_error_of_the_wire_never_quotes_its_input() -> None:
    with pytest.raises(ValidationError) as error:
        read('{"data": {"chat": {"id": "canary"}}, "auth": "canary"}')

    assert "canary" not in str(error.value)


def test_every_field_of_a_model_is_there_whatever_was_sent() -> None:
    nothing = {"chat": {"id": None, "name": None}}

    for sent in ("{}", '{"chat": ""}', '{"chat": []}', '{"chat": {}}', '{"chat": {"extra": 1}}'):
        assert read(f'{{"data": {sent}}}') == {"data": nothing, "auth": {"user_id": None}}
