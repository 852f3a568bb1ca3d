from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rooms", "0003_waits_for")]

    operations = [
        migrations.AddField(
            "member",
            "removed",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="Sent away by somebody else: can't come back by the room's link.",
                verbose_name="removed",
            ),
        ),
        migrations.AddConstraint(
            "member",
            models.CheckConstraint(
                condition=models.Q(("removed", False), ("role", "left"), _connector="OR"),
                name="member_removed_has_left",
            ),
        ),
    ]
