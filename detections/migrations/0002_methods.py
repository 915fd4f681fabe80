from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("detections", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="detection",
            name="method",
            field=models.CharField(
                choices=[
                    ("ks", "ks"),
                    ("psi", "psi"),
                    ("chi_squared", "chi_squared"),
                    ("wasserstein", "wasserstein"),
                    ("jensen_shannon", "jensen_shannon"),
                    ("hellinger", "hellinger"),
                    ("anderson_darling", "anderson_darling"),
                    ("null_rate", "null_rate"),
                    ("range", "range"),
                    ("new_categories", "new_categories"),
                    ("row_count", "row_count"),
                ],
                max_length=20,
            ),
        ),
    ]
