"""A PSTN interworking gateway with 183 early media. A map of the house, top to bottom; nobody imports upwards.

__main__, cli          `python -m gateway ...`: demo, bench, check-config, listen
testing                the public test kit and the pytest plugin: a SIP phone that says what it heard
service                Options, makeService, compose: the one place that wires everything
config                 TOML -> frozen settings
net                    the only package with sockets, devices and timers: it runs the effects
exchange               the simulated PSTN: an honest ISUP peer; it owns the sound
interworking           RFC 3398: the only place where SIP meets ISUP
trace                  what happened: decisions with their clause, ladder, pcapng
media                  RTP, the sound store, pacing
sip                    RFC 3261 and friends, pure
ss7                    Q.704 routing label, Q.763 and Q.764
sdp                    RFC 8866 and RFC 3264
core                   effects, errors, clauses, the pump

Beside it: `tones`, which knows nothing of the gateway.
"""
