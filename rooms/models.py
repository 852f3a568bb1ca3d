"""What is stored, and what the database itself forbids. Rows of Delta are created in `rooms.log` only."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from .indexed import Indexed  # noqa: F401  Django looks for it here
from .tallies import Attempts, Booking, Usage  # noqa: F401  Django looks for it here
from .text import EMPTY_DIGEST, new_id


def new_chain() -> str:
    """The chain of a room before its first delta: random, so that no other room's cursor ever fits."""
    return secrets.token_hex(8)


class Room(models.Model):
    """The place of a conversation. This row is the lock under which the room's sequences are allocated."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    title = models.CharField(_("title"), max_length=200, blank=True)
    model = models.CharField(_("model"), max_length=200, blank=True, help_text=_("Empty: the configured model."))
    locked = models.BooleanField(_("locked"), default=False, help_text=_("Nobody new can join."))
    chosen = models.JSONField(_("chosen branches"), default=dict, blank=True)
    tip = models.ForeignKey(
        "Message", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("newest message")
    )
    head = models.BigIntegerField(_("head"), default=0, help_text=_("The newest sequence; 0: none yet."))
    chain = models.CharField(_("chain"), max_length=16, default=new_chain)
    floor = models.BigIntegerField(_("floor"), default=1, help_text=_("The oldest sequence that can be served."))
    floor_chain = models.CharField(_("chain below the floor"), max_length=16, default="")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    active_at = models.DateTimeField(_("last active"), auto_now_add=True, db_index=True)

    class Meta:
        verbose_name, verbose_name_plural = _("room"), _("rooms")
        constraints = [
            models.CheckConstraint(condition=Q(head__gte=F("floor") - 1), name="room_head_from_floor"),
            models.CheckConstraint(condition=Q(floor__gte=1), name="room_floor_from_1"),
        ]

    def __str__(self) -> str:
        return self.title or str(_("New room"))

    def get_absolute_url(self) -> str:
        return reverse("room", args=[self.pk])


class Member(models.Model):
    """One person in one room: a signed-in user, or a guest session. Nothing of a room is readable without being one."""

    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        MEMBER = "member", _("member")
        LEFT = "left", _("left")

    COLORS = 8
    PROGRAM = "program-"  # how the guest session of a program begins that `manage.py token` has made a member

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    room = models.ForeignKey(Room, models.CASCADE, related_name="members", verbose_name=_("room"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("user")
    )
    guest = models.CharField(_("guest session"), max_length=64, null=True, blank=True)
    name = models.CharField(_("name"), max_length=60)
    color = models.PositiveSmallIntegerField(_("color"), default=1)
    role = models.CharField(_("role"), max_length=8, choices=Role, default=Role.MEMBER)
    removed = models.BooleanField(
        _("removed"),
        default=False,
        db_default=False,  # processes of the version before write rows, too, while a deployment is replaced
        help_text=_("Sent away by somebody else: can't come back by the room's link."),
    )
    joined_at = models.DateTimeField(_("joined"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("member"), _("members")
        constraints = [
            models.UniqueConstraint("room", "user", name="member_once_per_user"),
            models.UniqueConstraint("room", "guest", name="member_once_per_guest"),
            # Neither: the account was deleted; what the member said stays.
            models.CheckConstraint(
                condition=Q(user__isnull=True) | Q(guest__isnull=True), name="member_is_user_or_guest"
            ),
            models.CheckConstraint(condition=Q(role__in=["owner", "member", "left"]), name="member_role"),
            models.CheckConstraint(condition=Q(removed=False) | Q(role="left"), name="member_removed_has_left"),
        ]
        indexes = [models.Index("guest", name="member_guest")]

    def __str__(self) -> str:
        return self.name


class Token(models.Model):
    """A program's way to be a member: a bearer token. Only its SHA-256 is stored."""

    member = models.ForeignKey(Member, models.CASCADE, related_name="tokens", verbose_name=_("member"))
    digest = models.CharField(_("SHA-256"), max_length=64, unique=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("token"), _("tokens")


class Link(models.Model):
    """A read-only way into a room. Whoever has its token may read, and is no member. Only the token's SHA-256 is
    stored; a link that is revoked is deleted.
    """

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    room = models.ForeignKey(Room, models.CASCADE, related_name="links", verbose_name=_("room"))
    member = models.ForeignKey(Member, models.CASCADE, related_name="+", verbose_name=_("made by"))
    digest = models.CharField(_("SHA-256"), max_length=64, unique=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True, help_text=_("Empty: never."))

    class Meta:
        verbose_name, verbose_name_plural = _("read-only link"), _("read-only links")

    def __str__(self) -> str:
        return str(_("read-only link"))

    def get_absolute_url(self) -> str:
        """Without the token, which only the page's fragment ever holds."""
        return reverse("link", args=[self.pk])


class Message(models.Model):
    """What a person or the assistant said. `text` is a checkpoint: complete once the answer has ended, else up to
    `text_seq`.
    """

    class Role(models.TextChoices):
        USER = "user", _("user")
        ASSISTANT = "assistant", _("assistant")

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    room = models.ForeignKey(Room, models.CASCADE, related_name="messages", verbose_name=_("room"))
    role = models.CharField(_("role"), max_length=9, choices=Role)
    member = models.ForeignKey(
        Member,
        models.RESTRICT,
        related_name="+",
        verbose_name=_("member"),
        help_text=_("Who said it, or asked for it."),
    )
    client_id = models.CharField(_("client_id"), max_length=64, null=True, blank=True)
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="children", verbose_name=_("parent")
    )
    opened_seq = models.BigIntegerField(_("opened at"), help_text=_("The sequence of its `opened` delta."))
    seq = models.BigIntegerField(_("sequence"), help_text=_("The newest delta folded into this row."))
    text_seq = models.BigIntegerField(_("text up to"), help_text=_("The newest delta contained in the text."))
    digest = models.CharField(_("digest"), max_length=8, default=EMPTY_DIGEST, help_text=_("CRC-32 of the text here."))
    created_at = models.DateTimeField(_("created"))
    text = models.TextField(_("text"), blank=True)
    reasoning = models.TextField(_("reasoning"), blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("message"), _("messages")
        constraints = [
            models.UniqueConstraint("room", "member", "client_id", name="message_once_per_client_id"),
            models.UniqueConstraint("room", "opened_seq", name="message_once_per_sequence"),
            models.CheckConstraint(condition=Q(role__in=["user", "assistant"]), name="message_role"),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} #{self.opened_seq}"

    @property
    def status(self) -> str:
        return self.generation.status if self.role == self.Role.ASSISTANT else Generation.Status.COMPLETE

    def get_absolute_url(self) -> str:
        return f"{self.room.get_absolute_url()}#m-{self.pk}"


class Generation(models.Model):
    """One run of a model for one assistant message. The row is the job: whoever holds its lease writes it."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        STREAMING = "streaming", _("streaming")
        COMPLETE = "complete", _("complete")
        STOPPED = "stopped", _("stopped")
        INCOMPLETE = "incomplete", _("incomplete")
        FAILED = "failed", _("failed")
        INTERRUPTED = "interrupted", _("interrupted")

    OPEN = (Status.QUEUED, Status.STREAMING)

    message = models.OneToOneField(Message, models.CASCADE, related_name="generation", verbose_name=_("message"))
    room = models.ForeignKey(Room, models.CASCADE, related_name="generations", verbose_name=_("room"))
    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.QUEUED)
    model = models.CharField(_("model"), max_length=200, blank=True)
    continues = models.ForeignKey(
        Message, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("continues")
    )
    waits_for = models.ForeignKey(
        Message,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("waits for"),
        help_text=_("The nearest answer that it follows and that had not ended. No worker takes it before that has."),
    )
    fence = models.PositiveIntegerField(
        _("fence"), default=0, help_text=_("How often the right to write changed hands.")
    )
    holder = models.CharField(_("lease holder"), max_length=100, blank=True)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    context_seq = models.BigIntegerField(_("context taken at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, help_text=_("Requests made upstream."))
    background = models.BooleanField(_("background"), default=False, help_text=_("The provider can resume it."))
    response_id = models.CharField(_("response id"), max_length=200, blank=True)
    upstream_seq = models.BigIntegerField(
        _("upstream sequence"), null=True, blank=True, help_text=_("The provider's last event that the text contains.")
    )
    failure_code = models.CharField(_("failure"), max_length=20, blank=True)
    failure_detail = models.CharField(_("what readers see"), max_length=500, blank=True)
    error = models.TextField(_("provider's error"), blank=True, help_text=_("For staff only."))
    closed_by = models.ForeignKey(
        Member, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("stopped by")
    )
    usage = models.JSONField(_("usage"), null=True, blank=True)
    queued_at = models.DateTimeField(_("queued"), help_text=_("Since when a worker may take it."))
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("generation"), _("generations")
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    status__in=["queued", "streaming", "complete", "stopped", "incomplete", "failed", "interrupted"]
                ),
                name="generation_status",
            ),
            models.CheckConstraint(
                condition=~Q(status="streaming") | Q(lease_until__isnull=False), name="generation_streams_on_a_lease"
            ),
        ]
        indexes = [
            # What a worker looks for every second: few rows are ever open, so the index stays tiny.
            models.Index(
                "status", "lease_until", name="generation_open", condition=Q(status__in=["queued", "streaming"])
            )
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk} ({self.get_status_display()})"


class Delta(models.Model):
    """One row of the room log. It never changes once committed; nor do the bytes of `payload`, which is text."""

    class Kind(models.TextChoices):
        OPENED = "opened", _("opened")
        STARTED = "started", _("started")
        APPENDED = "appended", _("appended")
        CLOSED = "closed", _("closed")
        MEMBER = "member", _("member")
        ROOM = "room", _("room")

    id = models.BigAutoField(primary_key=True)
    room = models.ForeignKey(Room, models.CASCADE, related_name="deltas", db_index=False, verbose_name=_("room"))
    seq = models.BigIntegerField(_("sequence"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    message = models.ForeignKey(
        Message, models.CASCADE, null=True, blank=True, related_name="deltas", db_index=False, verbose_name=_("message")
    )
    payload = models.TextField(_("payload"))
    chain = models.CharField(_("chain"), max_length=16)
    digest = models.CharField(
        _("digest"), max_length=8, blank=True, help_text=_("Of the message's text up to here (`appended` only).")
    )
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name, verbose_name_plural = _("delta"), _("deltas")
        constraints = [
            models.UniqueConstraint("room", "seq", name="delta_once_per_sequence"),
            models.CheckConstraint(condition=Q(seq__gte=1), name="delta_seq_from_1"),
            models.CheckConstraint(
                condition=Q(kind__in=["opened", "started", "appended", "closed", "member", "room"]), name="delta_kind"
            ),
        ]
        indexes = [models.Index("message", "seq", name="delta_of_message")]

    def __str__(self) -> str:
        return f"#{self.seq} {self.kind}"
