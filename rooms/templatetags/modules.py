"""`{% module "rooms/main.js" %}`: a page's script, and a word ahead about every module that it imports, however deep.

A browser finds an import when the importing file is there: a round trip for each level, of which the room's page has
many.
"""

from __future__ import annotations

import posixpath
import re
from functools import cache
from pathlib import Path

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join

from ..version import VERSION

register = template.Library()

_IMPORT = re.compile(r"""^(?:import|export)\s(?:[^"';]*?\sfrom\s*)?["'](\.[^"']+)["']\s*;""", re.MULTILINE)


@register.simple_tag
def version() -> str:
    return VERSION


@register.simple_tag
def module(name: str) -> str:
    links = format_html_join("", '\n  <link rel="modulepreload" href="{}">', ((static(one),) for one in imported(name)))
    return format_html('<script type="module" src="{}"></script>{}', static(name), links)


def imported(name: str) -> tuple[str, ...]:
    """All that a script imports, by itself or by others, the nearest first. Read again for each page under DEBUG."""
    return _walked(name) if settings.DEBUG else _kept(name)


def _walked(name: str) -> tuple[str, ...]:
    found = [name]
    for one in found:
        found += [other for other in dict.fromkeys(_imports_of(one)) if other not in found]
    return tuple(found[1:])


_kept = cache(_walked)


def _imports_of(name: str) -> list[str]:
    path = finders.find(name)
    text = Path(path).read_text("utf-8") if path else ""
    return [posixpath.normpath(posixpath.join(posixpath.dirname(name), url)) for url in _IMPORT.findall(text)]
