#!/usr/bin/env python
"""Django's command-line utility."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatlab.settings")
    try:
        import django
        from django.core.management import execute_from_command_line
    except ImportError as error:
        raise SystemExit(
            "Django is not installed here. Run `make run`, or: pip install -r requirements.lock"
        ) from error
    if sys.argv[1:] in (["version"], ["--version"]):
        from rooms.version import VERSION

        sys.stdout.write(f"chatlab {VERSION}, Django {django.get_version()}\n")
        return
    from chatlab.terminal import any_terminal

    with any_terminal():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
