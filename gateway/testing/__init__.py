"""The public test kit: telephones that dial a simulated telephone network, and the pytest plugin that hands them out.

phone call rtp      a SIP telephone on Twisted, its calls and their sound: for tests, demonstrations, scripts
listener            names what a call lets its caller hear, while it goes on
lab sync            the whole network on loopback, and the telephone for code that waits: what test authors use
plugin              the pytest fixtures `pstn` and `phone`
reactor_thread      Twisted's reactor beside code that blocks
meaning             whether what was heard is what the exchange meant
simulation user_agents    SIP machines without clock and sockets: simulated time, a network that loses and reorders
"""
