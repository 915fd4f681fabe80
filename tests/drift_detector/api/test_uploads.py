"""Files in forms: no form has one."""

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client


def test_login__with_a_file__is_refused(client: Client) -> None:
    answer = client.post("/admin/login/", {"file": SimpleUploadedFile("a.bin", b"x" * 3_000_000)})
    assert answer.status_code == 400
