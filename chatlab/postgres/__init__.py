"""Django's PostgreSQL backend, with time-outs that hold behind a pooler, too."""
