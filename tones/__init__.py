"""The sounds of the telephone network: made, named and recognised. Stands alone: numpy, scipy, attrs.

PCM is `int16` at 8000 Hz everywhere; levels are total power in dBm0 by the law that `tones.units` states.

    g711 units                    octets <-> PCM; dBm0, Hz, ms <-> amplitudes and samples
    notation plan plans/          "440/1500/3500" -> Tone; the tones of each country, with their sources
    plan_index                    which plan a country code leads to, without reading them all
    imports                       indications.conf and ToneScript, in and out; plan files out
    oscillator cadence            Tone -> exact PCM, one period at a time
    dtmf sit                      Q.23 digits; special information tones
    announcement recordings/      spoken clips in eight languages, numbers, and scripts of all of these
    user_announcement wav         announcements of the user's own: WAV of any kind, text spoken by espeak-ng
    detect/                       what is heard: tones by country, digits, recordings, speech, silence, faults
    accuracy talk_off             how often that is right
    plot playback cli             pictures (matplotlib), sound (PyAudio), `python -m tones`
"""
