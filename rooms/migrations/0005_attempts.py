from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rooms", "0004_removed_members")]

    operations = [
        migrations.CreateModel(
            "Attempts",
            [
                ("subject", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("count", models.PositiveIntegerField(default=0)),
                ("until", models.DateTimeField(db_index=True, null=True)),
                ("known_until", models.DateTimeField(null=True)),
            ],
        ),
    ]
