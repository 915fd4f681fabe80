from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="baseline",
            name="calibration",
            field=models.JSONField(
                help_text="What checks of the reference's own windows found.", null=True
            ),
        ),
        migrations.AddField(
            model_name="monitor",
            name="feature_kinds",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text='How to read a column, where its type misleads: {"zip": "categorical"}.',
            ),
        ),
        migrations.AddField(
            model_name="monitor",
            name="importances",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="How much a feature's drift matters, 1 where not given; moves its severity.",
            ),
        ),
    ]
