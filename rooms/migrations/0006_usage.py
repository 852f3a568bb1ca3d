import django.db.models.deletion
from django.db import migrations, models

ID = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    dependencies = [("rooms", "0005_attempts")]

    operations = [
        migrations.CreateModel(
            "Usage",
            [
                ("id", ID),
                ("subject", models.CharField(max_length=80, verbose_name="whose")),
                ("day", models.DateField(db_index=True, verbose_name="day")),
                ("answers", models.PositiveIntegerField(default=0, verbose_name="answers")),
                ("tokens", models.PositiveBigIntegerField(default=0, verbose_name="tokens")),
            ],
            options={
                "verbose_name": "usage",
                "verbose_name_plural": "usage",
                "constraints": [models.UniqueConstraint("subject", "day", name="usage_once_a_day")],
            },
        ),
        migrations.CreateModel(
            "Booking",
            [
                ("id", ID.clone()),
                ("subject", models.CharField(max_length=80)),
                ("day", models.DateField(null=True)),
                ("tokens", models.PositiveBigIntegerField()),
                ("asked", models.PositiveBigIntegerField(default=0)),
                ("left_out", models.BooleanField(default=False)),
                (
                    "generation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="bookings", to="rooms.generation"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index("subject", name="booking_of_subject")],
                "constraints": [models.UniqueConstraint("generation", "subject", name="booking_once_for_each")],
            },
        ),
    ]
