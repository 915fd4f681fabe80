from django.db import migrations

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0003_saved_filters"),
    ]

    operations = [
        # Before a tenant is known: a token or a topic names it by its slug.
        rls.policy(
            "tenant_named",
            "drf_tenants",
            using="slug = (SELECT nullif(current_setting('app.tenant_slug', true), ''))",
        ),
    ]
