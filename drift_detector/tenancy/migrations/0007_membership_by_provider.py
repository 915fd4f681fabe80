from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0004_tenant_by_slug"),
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
