"""The methods of a monitor that names none are those of the day, and a baseline keeps the columns of its reference."""

from django.db import migrations, models
from django.db.migrations import RunSQL

# The owner of the table is under row-level security, too, which hides every tenant's rows here.
FORGET_OLD_DEFAULT = """
    ALTER TABLE drf_monitors NO FORCE ROW LEVEL SECURITY;
    UPDATE drf_monitors SET methods = NULL WHERE methods = '["ks", "psi", "chi_squared"]'::jsonb;
    ALTER TABLE drf_monitors FORCE ROW LEVEL SECURITY;
"""
NAME_OLD_DEFAULT = """
    ALTER TABLE drf_monitors NO FORCE ROW LEVEL SECURITY;
    UPDATE drf_monitors SET methods = '["ks", "psi", "chi_squared"]'::jsonb WHERE methods IS NULL;
    ALTER TABLE drf_monitors FORCE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("monitors", "0003_data_form")]

    operations = [
        migrations.AlterField(
            model_name="monitor",
            name="methods",
            field=models.JSONField(
                blank=True,
                default=None,
                help_text="Empty: the default methods of the day.",
                null=True,
            ),
        ),
        RunSQL(FORGET_OLD_DEFAULT, NAME_OLD_DEFAULT),
        migrations.AddField(
            model_name="baseline",
            name="columns",
            field=models.JSONField(
                help_text="All columns of the reference, whether they are features or not.",
                null=True,
            ),
        ),
    ]
