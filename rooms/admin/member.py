"""Members of rooms, who can be sent away here, and the bearer tokens of programs, which can be deleted: that revokes
them.
"""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from .. import actions
from ..models import Member, Token
from .base import LogAdmin, link, list_link
from .governing import Governed, Verb


@admin.register(Member)
class MemberAdmin(Governed):
    verbs = {
        "remove": Verb(
            _("Remove from the room"),
            _("They are sent away at once, and can't come back by the room's link. What they wrote stays."),
            "Removed from the room.",
            lambda member, sent: actions.remove(None, member.room_id, member.pk),
            fits=lambda member: not member.removed,
        ),
        "readmit": Verb(
            _("Let back in"),
            _("They can come back by the room's link, as long as it is not locked."),
            "Let back in.",
            lambda member, sent: actions.readmit(None, member.room_id, member.pk),
            fits=lambda member: member.removed,
        ),
    }
    list_display = ("name", "in_room", "person", "role", "removed", "joined_at")
    list_select_related = ("room", "user")
    list_filter = ("role", "removed")
    ordering = ("-joined_at",)
    sortable_by = ("joined_at",)
    search_fields = ("id__exact", "room__id__exact", "user__username__exact")
    search_help_text = _("The id of a member or of a room, or a whole user name.")
    fields = ("id", "name", "room", "person", "role", "removed", "color", "joined_at", "tokens")
    readonly_fields = ("person", "tokens")

    def listed(self, rows: QuerySet) -> QuerySet:
        return rows.defer("room__chosen")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        """Users first: a condition over both tables would keep either index from being used."""
        term = search_term.strip()
        if not term:
            return queryset, False
        users = list(get_user_model().objects.filter(username=term).values_list("pk", flat=True))
        return queryset.filter(Q(pk=term) | Q(room=term) | Q(user__in=users)), False

    def view_on_site(self, row: Member) -> str:
        return row.room.get_absolute_url()

    @admin.display(description=_("room"))
    def in_room(self, row: Member) -> SafeString | str:
        return link(row.room)

    @admin.display(description=_("person"))
    def person(self, row: Member) -> SafeString | str:
        """The session of a guest is theirs alone, so it is not shown."""
        if row.user_id:
            return link(row.user)
        return _("guest") if row.guest else _("account deleted")

    @admin.display(description=_("tokens"))
    def tokens(self, row: Member) -> SafeString:
        return list_link(Token, row.tokens.count(), member__id__exact=row.pk)


@admin.register(Token)
class TokenAdmin(LogAdmin):
    list_display = ("created_at", "of_member", "in_room")
    list_select_related = ("member__room",)
    ordering = ("-id",)
    sortable_by = ()
    fields = ("member", "created_at")
    actions = ()

    def has_delete_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    @admin.display(description=_("member"))
    def of_member(self, row: Token) -> SafeString | str:
        return link(row.member)

    @admin.display(description=_("room"))
    def in_room(self, row: Token) -> SafeString | str:
        return link(row.member.room)
