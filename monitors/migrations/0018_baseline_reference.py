"""Where and when the reference of a baseline was read."""

from django.db import migrations, models

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0017_bad_windows"),
    ]

    operations = [
        migrations.AddField(
            model_name="baseline",
            name="reference",
            field=models.JSONField(
                help_text="Where and when its reference was read, and without which bad windows.",
                null=True,
            ),
        ),
        rls.grant("SELECT (reference)", "drf_baselines", rls.APP),
    ]
