from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("detections", "0009_profiles")]

    operations = [
        migrations.AddField(
            model_name="detectionrun",
            name="bytes_read",
            field=models.PositiveBigIntegerField(
                help_text="Bytes of the window's files; of Parquet, those of the columns and row groups that were read, uncompressed. Null for rows that were sent.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="detectionrun",
            name="phases",
            field=models.JSONField(
                help_text="Seconds that each phase of the evaluation took, by name.", null=True
            ),
        ),
        migrations.AddField(
            model_name="runpart",
            name="rows",
            field=models.PositiveBigIntegerField(
                help_text="Rows of a part that is counted.", null=True
            ),
        ),
    ]
