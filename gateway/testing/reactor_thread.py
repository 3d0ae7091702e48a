"""Twisted's reactor in a thread of its own, for code that blocks: tests, scripts, notebooks.

A reactor runs once in the life of a process, so there is one thread for all; it starts when it is first asked for and
stops when the process ends. Where the reactor is running already (somebody else drives it), that one is used.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")

STARTS_WITHIN_S = 10.0
STOPS_WITHIN_S = 5.0


class ReactorThread:
    """The thread. Use `ReactorThread.shared()`."""

    _shared: ReactorThread | None = None

    def __init__(self) -> None:
        # Not before it is needed: the import chooses the reactor for the whole process.
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self._thread: threading.Thread | None = None
        if not self.reactor.running:
            self._start()

    @classmethod
    def shared(cls) -> ReactorThread:
        """The one of this process, running."""
        if cls._shared is None:
            cls._shared = cls()
        return cls._shared

    def _start(self) -> None:
        running = threading.Event()
        self.reactor.callWhenRunning(running.set)
        self._thread = threading.Thread(
            target=self.reactor.run, kwargs={"installSignalHandlers": False}, name="reactor", daemon=True
        )
        self._thread.start()
        if not running.wait(STARTS_WITHIN_S):
            raise RuntimeError("Twisted's reactor has not started; is another thread running it?")
        atexit.register(self.stop)

    def call(self, function: Callable[P, Any], *arguments: P.args, **keywords: P.kwargs) -> Any:
        """Call a function in the reactor's thread and wait for what it returns, or what its Deferred fires with.

        Raises:
            Exception: whatever the function raises, or its Deferred fails with.
        """
        from twisted.internet.threads import blockingCallFromThread

        if threading.current_thread() is self._thread:
            raise RuntimeError("this blocks, and cannot be called in the reactor's own thread")
        return cast(Any, blockingCallFromThread(self.reactor, function, *arguments, **keywords))

    def stop(self) -> None:
        """Stop the reactor, if it was this thread that started it. It cannot be started again."""
        if self._thread is not None and self._thread.is_alive() and self.reactor.running:
            self.reactor.callFromThread(self.reactor.stop)
            self._thread.join(STOPS_WITHIN_S)
