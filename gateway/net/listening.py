"""Who listens in to what callers are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define

from gateway.net.call_port import CallPort


@define(eq=False)
class Listener:
    """Somebody who listens in.

    Args:
        owner: the call; None: the newest that has media, now or next.
        begin: told once the name of the call and its codec, "call-3 PCMA", before the first octets.
        octets: told the payload of each packet.
        end: told that the call's media is over.
    """

    owner: object | None
    begin: Callable[[str], None]
    octets: Callable[[bytes], None]
    end: Callable[[], None]


class Listeners:
    """All of them: who hears which call, and who still waits for one."""

    def __init__(self) -> None:
        self._waiting: list[Listener] = []
        self._hearing: dict[CallPort, list[Listener]] = {}

    def __bool__(self) -> bool:
        return bool(self._hearing)

    def add(self, listener: Listener, attached: Iterable[CallPort]) -> Callable[[], None]:
        """Let somebody listen, to a call of these or one to come; what is returned stops it."""
        fitting = [port for port in attached if listener.owner is None or listener.owner is port.owner]
        if fitting:
            self._begin(fitting[-1], listener)
        else:
            self._waiting.append(listener)
        return lambda: self._stop(listener)

    def attached(self, port: CallPort) -> None:
        """A call has media: whoever has waited for it, or for any, hears it."""
        for listener in [each for each in self._waiting if each.owner is None or each.owner is port.owner]:
            self._waiting.remove(listener)
            self._begin(port, listener)

    def sent(self, port: CallPort, payload: bytes) -> None:
        """A packet of audio has left."""
        for listener in self._hearing.get(port, ()):
            listener.octets(payload)

    def closed(self, port: CallPort) -> None:
        """A call's media is over."""
        over = self._hearing.pop(port, [])
        over += [each for each in self._waiting if each.owner is port.owner]
        for listener in over:
            self._stop(listener)
            listener.end()

    def _begin(self, port: CallPort, listener: Listener) -> None:
        assert port.agreed is not None
        self._hearing.setdefault(port, []).append(listener)
        listener.begin(f"{getattr(port.owner, 'name', 'call')} {port.agreed.codec.name}")

    def _stop(self, listener: Listener) -> None:
        if listener in self._waiting:
            self._waiting.remove(listener)
        for port, hearing in list(self._hearing.items()):
            if listener in hearing:
                hearing.remove(listener)
                if not hearing:
                    del self._hearing[port]
