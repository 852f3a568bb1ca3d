"""The drill's tab: a client that does what the protocol asks of one, and notes every broken promise."""

from rooms.drill.tab import Refused, Tab

__all__ = ["Refused", "Tab"]
