"""The reactor beside code that blocks."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from gateway.testing.reactor_thread import ReactorThread


class TestCalling:
    def test_it_runs_in_another_thread(self) -> None:
        thread = ReactorThread.shared()
        assert thread.call(threading.get_ident) != threading.get_ident()

    def test_there_is_one_for_the_process(self) -> None:
        assert ReactorThread.shared() is ReactorThread.shared()

    def test_what_a_deferred_fires_with_is_waited_for(self) -> None:
        thread = ReactorThread.shared()
        later: Deferred[str] = Deferred()
        thread.reactor.callFromThread(thread.reactor.callLater, 0.01, later.callback, "done")
        assert thread.call(lambda: later) == "done"
        assert thread.call(lambda: succeed(3)) == 3

    def test_what_goes_wrong_comes_out(self) -> None:
        thread = ReactorThread.shared()
        with pytest.raises(ZeroDivisionError):
            thread.call(lambda: 1 // 0)
        with pytest.raises(KeyError):
            thread.call(lambda: fail(KeyError("gone")))

    def test_it_does_not_wait_for_itself(self) -> None:
        thread = ReactorThread.shared()
        with pytest.raises(RuntimeError, match="own thread"):
            thread.call(lambda: thread.call(lambda: None))


class TestLaziness:
    def test_the_plugin_alone_brings_no_twisted(self) -> None:
        code = (
            "import sys, gateway.testing.plugin; print([n for n in ('twisted', 'numpy', 'attrs') if n in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"

    def test_a_process_that_used_it_ends_by_itself(self) -> None:
        code = "from gateway.testing.reactor_thread import ReactorThread; print(ReactorThread.shared().call(lambda: 7))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20)
        assert (done.stdout, done.stderr) == ("7\n", "")
