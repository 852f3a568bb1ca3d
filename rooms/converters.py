"""What can be an id at all: anything else in a path is answered without asking the database."""

from django.urls import register_converter


class IdConverter:
    regex = "[A-Za-z0-9_-]{1,64}"

    def to_python(self, value: str) -> str:
        return value

    to_url = to_python


register_converter(IdConverter, "id")
