"""Django admin: the log as it stands, to be read. Everything links to everything; no row of it is edited here.

What a reader may see is decided by the log. A row that the admin edited would be true in the database and in no tab, so
what staff may do to rooms and members goes by the verbs (`governing`), and only bearer tokens and read-only links can
be deleted. Every page is bounded, however long the log: no inline of deltas,
no full counts, and only searches and orders that an index answers.
"""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from .. import passwords
from . import delta, generation, link, member, message, room, usage  # noqa: F401  registers them

admin.site.site_header = admin.site.site_title = _("chatlab administration")
admin.site.password_change = passwords.guarded(admin.site.password_change)
admin.site.index_title = _("What is in the database")
