"""Socket addresses as the kernel reads them, and a UDP socket's way back from `connect`."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_OCTETS: Final = 28
"""Of the longest address there is here, that of IPv6."""

RAW_ADDRESS: Final = np.dtype([("octets", "u1", (_OCTETS,)), ("length", "<u4")])
"""A `struct sockaddr_in` or `sockaddr_in6`, and how much of it counts; a length of 0 is no address."""

RawAddresses = NDArray[np.void]
"""`RAW_ADDRESS[n]`."""

_UNSPECIFIED: Final = bytes(16)
_libc: Final[Any] = ctypes.CDLL(None, use_errno=True)


def raw_address(host: str, port: int) -> RawAddresses:
    """One address, to be put into a row of many: `addresses[row] = raw_address(host, port)`.

    ```
    IPv4   family (2)  port (2, network order)  address (4)  zeros (8)
    IPv6   family (2)  port (2, network order)  flow (4)  address (16)  scope (4)
    ```

    Args:
        host: an IP address; one of IPv6 may name its scope, as in "fe80::1%eth0".
        port: 0 to 65535.

    Returns:
        `RAW_ADDRESS[]`, an array without dimensions.

    Raises:
        ValueError: the host is no IP address.
        OSError: there is no interface of the scope's name.
    """
    address = ip_address(host)
    if isinstance(address, IPv6Address):
        scope = address.scope_id
        index = 0 if scope is None else int(scope) if scope.isdecimal() else socket.if_nametoindex(scope)
        packed = struct.pack("=H", socket.AF_INET6) + struct.pack(">HI16s", port, 0, address.packed)
        packed += struct.pack("=I", index)
    else:
        packed = struct.pack("=H", socket.AF_INET) + struct.pack(">H4s8x", port, address.packed)
    raw = np.zeros((), RAW_ADDRESS)
    raw["octets"][: len(packed)] = np.frombuffer(packed, np.uint8)
    raw["length"] = len(packed)
    return raw


def dissolve(opened: socket.socket) -> None:
    """Undo `connect` on a UDP socket: it hears everybody again. The address and port that it is bound to stay.

    Raises:
        OSError: the kernel will not.
    """
    bound = opened.getsockname()
    if _libc.connect(opened.fileno(), _UNSPECIFIED, len(_UNSPECIFIED)) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    # Linux keeps a port that was asked for by its number, and takes back one that it chose itself.
    if opened.getsockname()[1] != bound[1]:
        opened.bind(bound)
