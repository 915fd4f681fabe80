"""Jobs that apply a document of monitors and of their budget."""

from django.db import migrations, models

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0019_draw_label_audit"),
    ]

    operations = [
        migrations.AlterField(
            model_name="job",
            name="kind",
            field=models.CharField(
                choices=[
                    ("browse", "Browse"),
                    ("sample", "Sample"),
                    ("preview", "Preview"),
                    ("create_monitor", "Create Monitor"),
                    ("update_monitor", "Update Monitor"),
                    ("explain_run", "Explain Run"),
                    ("draw_label_audit", "Draw Label Audit"),
                    ("apply_document", "Apply Document"),
                ],
                max_length=20,
            ),
        ),
        # A worker sets the budget of a document with its monitors, or neither.
        rls.grant("INSERT, UPDATE, DELETE", "drf_budgets", rls.APP),
    ]
