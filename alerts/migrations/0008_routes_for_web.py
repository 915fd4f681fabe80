from django.db import migrations

from drift_detector.tenancy import rls

# Web lets people change these, and the notifier sends by them; no worker asks for them.
OF_ROUTING = "drf_channels, drf_routes, drf_route_channels, drf_silences, drf_maintenance_windows, drf_model_mappings"
# Workers keep to these, and change none.
OF_LIMITS = "drf_retraining_rules, drf_quotas, drf_tenants"
WRITING = "INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0007_notifications"),
        ("tenancy", "0009_rights_by_process"),
    ]

    operations = [
        rls.grant(f"SELECT, {WRITING}", OF_ROUTING, rls.WEB),
        rls.revoke(f"SELECT, {WRITING}", OF_ROUTING, rls.APP),
        rls.grant(WRITING, OF_LIMITS, rls.WEB),
        rls.revoke(WRITING, OF_LIMITS, rls.APP),
    ]
