import django.db.models.deletion
from django.db import migrations, models

from rooms.log import index


def create(apps, schema_editor):
    index.create(schema_editor.connection)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TABLE IF EXISTS rooms_words")


class Migration(migrations.Migration):
    dependencies = [("rooms", "0006_usage")]

    operations = [
        migrations.CreateModel(
            "Indexed",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "message",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="indexed", to="rooms.message"
                    ),
                ),
            ],
        ),
        migrations.RunPython(create, drop),
    ]
