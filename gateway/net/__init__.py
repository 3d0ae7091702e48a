"""The only package with sockets, devices and timers: it runs the effects that the pure machines ask for.

`runner` pumps and keeps timers; `sip_transport` is UDP and TCP of RFC 3261 §18; `media` is circuits, RTP sockets and
the sending schedule; `rtp_ports` hands out ports; `link` joins two ISUP nodes in one process.
"""
