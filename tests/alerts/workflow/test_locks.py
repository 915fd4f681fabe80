from concurrent.futures import ThreadPoolExecutor

from alerts.models import Alert
from alerts.workflow import services
from alerts.workflow.bulk import act_on_all
from drift_detector.tenancy.models import Tenant
from drift_detector.tenancy.scope import tenant_scope
from monitors.services import lock_monitor
from tests.alerts.workflow.conftest import make_alert
from tests.factories import at_once, eventually, make_monitor, rows_of

# Some connection to this database waits for a row that another transaction has changed.
WAITING = """SELECT 1 FROM pg_locks JOIN pg_stat_activity activity USING (pid)
             WHERE NOT granted AND activity.datname = current_database()"""


def test_acknowledge__while_a_run_holds_the_monitor__leaves_the_alert_to_the_run(
    committed_tenant: Tenant,
) -> None:
    with tenant_scope(committed_tenant.id):
        alert = make_alert(make_monitor())

    def acknowledge() -> str:
        with tenant_scope(committed_tenant.id):
            return services.acknowledge(alert_id=alert.id, by="user:ana").attention

    with ThreadPoolExecutor(1) as pool:
        with tenant_scope(committed_tenant.id):
            lock_monitor(alert.monitor_id)
            waiting = pool.submit(at_once, acknowledge)
            eventually(lambda: rows_of(committed_tenant.id, WAITING))
            # As a run that ends: had the person the alert, each would wait for the other.
            assert Alert.objects.select_for_update(nowait=True).get(id=alert.id)
        assert waiting.result(20) == ["acknowledged"]


def test_act_on_all__all_monitors__are_locked_before_the_first_alert(
    committed_tenant: Tenant,
) -> None:
    with tenant_scope(committed_tenant.id):
        alerts = [make_alert(make_monitor()) for _ in range(2)]
    first, last = sorted(alerts, key=lambda alert: alert.monitor_id)

    def comment() -> int:
        with tenant_scope(committed_tenant.id):
            ids = [first.id, last.id]
            return len(act_on_all(alert_ids=ids, action="comment", by="a", said={"note": "Hm."}))

    with ThreadPoolExecutor(1) as pool:
        with tenant_scope(committed_tenant.id):
            lock_monitor(last.monitor_id)
            waiting = pool.submit(at_once, comment)
            eventually(lambda: rows_of(committed_tenant.id, WAITING))
            assert Alert.objects.select_for_update(nowait=True).get(id=first.id)
        assert waiting.result(20) == [2]
