"""The sound store."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.sender import Sender
from gateway.media.store import LAW_INDEX, MAXIMUM_PACKET_SAMPLES, SoundStore, idle_pattern
from tones.g711 import Law


def octets(length: int, first: int = 0) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return ((np.arange(length) + first) % 251).astype(np.uint8)


def both(length: int, first: int = 0) -> dict[Law, np.ndarray[tuple[int], np.dtype[np.uint8]]]:
    return {Law.ALAW: octets(length, first), Law.MULAW: octets(length, first + 100)}


class TestClips:
    def test_a_clip_is_found_by_its_name_and_read_in_each_law(self) -> None:
        store = SoundStore()
        clip = store.add("fr/ringback", both(333), repeat=True)
        assert store.get("fr/ringback") == clip
        assert (clip.length, clip.repeat, clip.name) == (333, True, "fr/ringback")
        assert store.get("fr/busy") is None
        assert np.array_equal(store.read(clip, Law.ALAW), octets(333))
        assert np.array_equal(store.read(clip, Law.MULAW), octets(333, 100))

    def test_clips_stay_as_they_are_when_the_store_grows(self) -> None:
        store = SoundStore(capacity_octets=1)
        clips = [store.add(str(number), both(1000 + number, number), repeat=True) for number in range(50)]
        for number, clip in enumerate(clips):
            assert np.array_equal(store.read(clip, Law.MULAW), octets(1000 + number, number + 100))
        assert len(store.windows(160)) == len(store.octets) - 159

    @given(st.integers(1, 2000), st.booleans(), st.data())
    def test_a_packet_may_be_cut_out_anywhere(self, length: int, repeat: bool, data: st.DataObject) -> None:
        store = SoundStore()
        clip = store.add("x", both(length), repeat)
        at = data.draw(st.integers(0, length))
        samples = data.draw(st.sampled_from([80, 160, MAXIMUM_PACKET_SAMPLES]))
        start = store.starts[LAW_INDEX[Law.ALAW]][clip.index] + at
        cut = np.frombuffer(store.windows(samples)[start].tobytes(), np.uint8)
        following = np.tile(octets(length), 2 + samples // length) if repeat else octets(length)
        wanted = np.concatenate([following, idle_pattern(Law.ALAW, samples)])[at : at + samples]
        assert np.array_equal(cut, wanted)

    @pytest.mark.parametrize(
        ("sound", "message"),
        [
            ({Law.ALAW: octets(1)}, "sound 'x' lacks MULAW"),
            ({Law.ALAW: octets(2), Law.MULAW: octets(3)}, "sound 'x': 2 octets of A-law, 3 of mu-law"),
            (both(0), "sound 'x': 0 octets of A-law, 0 of mu-law"),
        ],
    )
    def test_octets_that_do_not_fit_are_refused(
        self, sound: dict[Law, np.ndarray[tuple[int], np.dtype[np.uint8]]], message: str
    ) -> None:
        with pytest.raises(ValueError, match=message):
            SoundStore().add("x", sound, repeat=True)

    def test_a_name_is_given_once(self) -> None:
        store = SoundStore()
        store.add("x", both(10), repeat=True)
        with pytest.raises(ValueError, match="there is a sound named 'x' already"):
            store.add("x", both(10), repeat=True)


class TestRemoval:
    def test_room_is_used_again(self) -> None:
        store = SoundStore(capacity_octets=1 << 16)
        store.add("stays", both(777), repeat=True)
        size = len(store.octets)
        for number in range(500):
            clip = store.add("comes and goes", both(4000 + number % 7, number), repeat=bool(number % 2))
            assert np.array_equal(store.read(clip, Law.ALAW), octets(4000 + number % 7, number))
            store.remove("comes and goes")
        assert len(store.octets) == size
        assert len(store.spans) == 3
        stays = store.get("stays")
        assert stays is not None
        assert np.array_equal(store.read(stays, Law.MULAW), octets(777, 100))

    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 900), st.booleans()), max_size=40))
    def test_sounds_never_overlap(self, steps: list[tuple[int, int, bool]]) -> None:
        store = SoundStore(capacity_octets=1)
        there: dict[str, tuple[int, int]] = {}
        for step, (number, length, repeat) in enumerate(steps):
            name = str(number)
            if name in there:
                store.remove(name)
                del there[name]
            else:
                store.add(name, both(length, step), repeat)
                there[name] = (length, step)
            for each, (size, first) in there.items():
                clip = store.get(each)
                assert clip is not None
                assert np.array_equal(store.read(clip, Law.ALAW), octets(size, first))
                assert np.array_equal(store.read(clip, Law.MULAW), octets(size, first + 100))

    def test_what_is_not_there_cannot_be_removed(self) -> None:
        with pytest.raises(KeyError):
            SoundStore().remove("x")


@pytest.mark.parametrize("period", [1, 50, 160, 700, 1000])
@pytest.mark.parametrize("introduction", [1, 160, 333])
def test_an_introduction_is_carried_once(period: int, introduction: int) -> None:
    octets = np.arange(introduction + period).astype(np.uint8)
    store = SoundStore()
    clip = store.add("x", dict.fromkeys(Law, octets), repeat=True, introduction=introduction)
    sender = Sender(store, phases=1)
    row = sender.open(Law.ALAW)
    sender.play(row, clip)
    sender.attach(row, 1, 1, 1, 8)
    heard = np.concatenate([sender.tick(0).packets[0, 12:] for _ in range(20)])
    wanted = np.concatenate([octets[:introduction], np.resize(octets[introduction:], 3200 - introduction)])
    assert heard.tolist() == wanted.tolist()


def test_an_introduction_without_a_period_is_refused() -> None:
    with pytest.raises(ValueError, match="an introduction of 10 samples in 10"):
        SoundStore().add("x", dict.fromkeys(Law, np.zeros(10, np.uint8)), repeat=True, introduction=10)
