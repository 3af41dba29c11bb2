"""The demo: one chamber's published month, replayed with an invented chamber and a relay on loopback."""
