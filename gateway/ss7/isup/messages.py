"""ISUP messages (ITU-T Q.763 §1); which parameters each has stands in `message_table`.

A message is, in order: the circuit identification code, the message type, the mandatory fixed part, pointers to the
mandatory variable part and to the optional part, the mandatory variable part, the optional part:

    +-------------------------------+
    |  CIC, least significant octet |   not in a SIP body (RFC 3204 §3.1), which starts at the message type
    | spare (4)     | CIC, high 4   |
    +-------------------------------+
    |         message type          |
    |   mandatory fixed parameters  |   contents only: order and lengths are the table's
    |   pointer to each variable    |   each counts octets from itself to the length indicator it points to
    |   pointer to optional part    |   0: there is none; not in messages that can have none
    |   length, contents; ...       |   mandatory variable parameters
    |   name, length, contents; ... |   optional parameters, in any order
    |               0               |   end of optional parameters
    +-------------------------------+
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar

from attrs import field

from gateway.core.values import value
from gateway.ss7.isup.message_table import MESSAGES, MessageFormat, MessageType, message_name
from gateway.ss7.isup.parameter import Parameter

__all__ = ["GREATEST_CIC", "MESSAGES", "Message", "MessageFormat", "MessageType", "fields", "message_name"]

GREATEST_CIC = 0x0FFF

T = TypeVar("T", bound=Parameter)
_Class: TypeAlias = type[T]


_TYPES: dict[int, MessageType | int] = {int(each): each for each in MessageType}


def _known_type(message_type: int) -> MessageType | int:
    return _TYPES.get(message_type, message_type)


@value
class Message:
    """One ISUP message.

    Args:
        type: the message type; a plain `int` where the table has none such.
        cic: circuit identification code, 12 bits.
        parameters: the parameters in the order of the message, mandatory ones first, duplicates kept.
        body: for types without a format (CRG, PAM, unknown ones): the octets after the message type.
    """

    type: MessageType | int = field(converter=_known_type)
    cic: int
    parameters: tuple[Parameter, ...] = ()
    body: bytes = b""

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.type <= 255:
            raise ValueError(f"message type {self.type}: 0 to 255")
        if not 0 <= self.cic <= GREATEST_CIC:
            raise ValueError(f"CIC {self.cic}: 0 to {GREATEST_CIC}")

    @classmethod
    def of(cls, message_type: MessageType | int, cic: int, *parameters: Parameter) -> Message:
        """A message from its parameters; of two with the same code the first goes into the mandatory part."""
        return cls(message_type, cic, parameters)

    def get(self, parameter: _Class[T]) -> T | None:
        """The first parameter of that class, None where there is none."""
        for candidate in self.parameters:
            if isinstance(candidate, parameter) and type(candidate) is parameter:
                return candidate
        return None

    def all(self, parameter: _Class[T]) -> list[T]:
        """Every parameter of that class, in order."""
        return [
            candidate
            for candidate in self.parameters
            if isinstance(candidate, parameter) and type(candidate) is parameter
        ]

    def __getitem__(self, parameter: _Class[T]) -> T:
        """The first parameter of that class.

        Raises:
            KeyError: there is none.
        """
        found = self.get(parameter)
        if found is None:
            raise KeyError(f"{self.name} without {parameter.__name__}")
        return found

    @property
    def name(self) -> str:
        """The acronym: "IAM"."""
        return message_name(self.type)

    def describe(self) -> str:
        """One line for a ladder: "ACM called party status: no indication, in-band"."""
        said = ", ".join(brief for parameter in self.parameters if (brief := parameter.brief()))
        return f"{self.name} {said}".rstrip()


def fields(message: Message) -> list[tuple[str, str]]:
    """Every field of every parameter: ("Called party number: digits", "33199000003"), ..."""
    found = [("Message type", f"{message.name} ({int(message.type)})"), ("CIC", str(message.cic))]
    for parameter in message.parameters:
        found.extend((f"{parameter.name}: {label}", value) for label, value in parameter.fields())
    if message.body:
        found.append(("Body", message.body.hex()))
    return found
