"""Signalling System No. 7, pure: point codes and the routing label (ITU-T Q.704), and ISUP under `isup`."""
