from django.db import migrations

from drift_detector.tenancy import rls


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_triggers"),
        ("tenancy", "0009_rights_by_process"),
    ]

    operations = [
        rls.grant("SELECT", "drf_audit", rls.WEB),
        rls.revoke("SELECT", "drf_audit", rls.APP),
    ]
