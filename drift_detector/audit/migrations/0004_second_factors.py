from django.db import migrations

from drift_detector.tenancy.audit_triggers import audit


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_read_by_web"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
    ]

    operations = [
        audit("mfa_authenticator", left_out=["data", "last_used_at"]),
        audit("socialaccount_socialaccount", hidden=["uid", "extra_data"], left_out=["last_login"]),
    ]
