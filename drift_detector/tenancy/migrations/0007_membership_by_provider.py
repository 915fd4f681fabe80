from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0005_key_scopes"),
    ]

    operations = [
        migrations.AddField(
            model_name="membership",
            name="is_by_provider",
            field=models.BooleanField(
                db_default=False,
                default=False,
                editable=False,
                help_text="The groups of the identity provider gave it, and take it away again.",
            ),
        ),
    ]
