"""Accidents at a chosen moment, for processes that a test starts with DJANGO_SETTINGS_MODULE=tests.accidents.settings.

CHATLAB_ACCIDENT names one, `name` or `name:argument`; `apps` says what there is. The code of `rooms` knows nothing of
it.
"""
