"""The pytest plugin, as a project that tests with it sees it: in a pytest of its own."""

from __future__ import annotations

import pytest

pytest_plugins = ("pytester",)


class TestPlugin:
    def test_tests_that_pass(self, pytester: pytest.Pytester) -> None:
        pytester.makeini("[pytest]\npstn_config = lab.toml\naddopts = --strict-markers -p no:cacheprovider\n")
        pytester.path.joinpath("lab.toml").write_text(
            '[exchange.behaviours.71]\nsteps = [{ send = "REL", cause = 21 }]\n', encoding="utf-8"
        )
        pytester.makepyfile(
            """
            import pytest

            def test_status_and_cause(phone):
                call = phone.dial("90017")
                assert (call.status, call.cause) == (486, 17)

            def test_heard(phone):
                call = phone.dial("+12125550111")
                tone = call.heard("1004 Hz")
                assert tone and abs(tone.level_dbm0 + 13) < 0.5

            def test_the_file_counts(phone, pstn):
                assert phone.pstn is pstn
                assert phone.dial("+12125550171").cause == 21

            @pytest.mark.pstn(toml='[exchange.behaviours.71]\\nsteps = [{ send = "REL", cause = 27 }]')
            def test_the_marker_counts_more(phone, pstn):
                assert phone.pstn is not pstn
                assert phone.dial("+12125550171").cause == 27
            """
        )
        result = pytester.runpytest_subprocess()
        result.assert_outcomes(passed=4)
        assert result.stderr.str() == ""

    def test_a_test_that_fails_shows_what_was_heard_and_the_ladder(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            def test_heard(phone):
                assert phone.dial("+12125550111").heard("busy", country="us", timeout=0.7)

            def test_never(phone):
                phone.dial("90034").wait_for(183)

            def test_held(phone, pstn):
                other = pstn.phone()
                other.dial("+12125550110", until="answered")
            """
        )
        result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
        result.assert_outcomes(passed=1, failed=2, errors=1)
        result.stdout.fnmatch_lines_random(
            [
                "E *assert <busy (us) not heard in 0.* s, but 0.0 s 1004 Hz>",
                "*call 1, to +12125550111: answered*",
                "*INVITE +12125550111 (SDP)*",
                "*♪ 1004 Hz*",
                "E *: a 183 response never came; the call to 90034 ended: 503, cause 34; responses: 503",
                "*REL cause 34*",
                "E *AssertionError: the calls are over, but left: calls: 1, *",
            ]
        )
        # The traceback ends in the test, not within the kit.
        assert "gateway/testing/sync.py" not in result.stdout.str()

    def test_a_mistake_in_the_configuration_is_told(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            import pytest

            @pytest.fixture(scope="session")
            def pstn_settings():
                return "[isup]\\nt9 = -1.0"

            def test_anything(phone):
                raise AssertionError("not reached")
            """
        )
        result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["E *2: isup.t9: *"])

    def test_tests_that_use_none_of_it_are_left_alone(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
            import sys

            def test_nothing():
                assert "twisted" not in sys.modules
            """
        )
        pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
