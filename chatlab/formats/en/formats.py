"""How dates stand in a page until its script writes them the reader's way, and in the admin."""

DATETIME_FORMAT = "j M Y, H:i"
SHORT_DATETIME_FORMAT = "j M, H:i"
