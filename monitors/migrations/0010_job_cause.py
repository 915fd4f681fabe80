from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0009_kinds_of_jobs"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="cause",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Who asks, and by which request; the audit trail names them for what the job writes.",
                max_length=500,
            ),
        ),
    ]
