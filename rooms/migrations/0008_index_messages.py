from django.db import migrations

from rooms.log import index


def index_messages(apps, schema_editor):
    for _ in index.add_missing(apps.get_model("rooms", "Message")):
        pass


class Migration(migrations.Migration):
    """What has been said already. Each batch is a transaction of its own, and what was done stays done."""

    atomic = False
    dependencies = [("rooms", "0007_indexed")]

    operations = [migrations.RunPython(index_messages, migrations.RunPython.noop)]
