from django.db import migrations

from drift_detector.tenancy import rls

# People, their sessions and their keys: web alone checks who comes in. Of these tables, the workers read none.
OF_PEOPLE = (
    "drf_users, drf_users_groups, drf_users_user_permissions, drf_memberships, drf_api_keys, drf_saved_filters, "
    "auth_group, auth_group_permissions, auth_permission, django_session, django_admin_log, "
    "account_emailaddress, account_emailconfirmation, mfa_authenticator, "
    "socialaccount_socialaccount, socialaccount_socialapp, socialaccount_socialtoken"
)
CURRENT_USER = "(SELECT nullif(current_setting('app.user_id', true), '')::bigint)"
EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"


class Migration(migrations.Migration):
    dependencies = [
        ("tenancy", "0007_membership_by_provider"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("sessions", "0001_initial"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
    ]

    operations = [
        rls.create_group_roles(rls.WEB, rls.WORKER),
        rls.grant(EVERYTHING, OF_PEOPLE, rls.WEB),
        rls.revoke(EVERYTHING, OF_PEOPLE, rls.APP),
        # A policy is a part of each query of its table, so that of the tenants must not ask workers for memberships.
        rls.policy(
            "tenant_of_member",
            "drf_tenants",
            to=rls.WEB,
            using=f"id IN (SELECT tenant_id FROM drf_memberships WHERE user_id = {CURRENT_USER})",
        ),
    ]
