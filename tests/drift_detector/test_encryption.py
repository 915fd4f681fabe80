"""Encryption of texts, with keys of the settings; its oracle is the library itself."""

from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from drift_detector import encryption

OLD, NEW = SecretStr("old-" * 10), SecretStr("new-" * 10)
type Override = Callable[..., None]


def test_encrypt__text__comes_back_and_is_not_seen() -> None:
    token = encryption.encrypt("https://hooks.example.com/s3cr3t")
    assert "s3cr3t" not in token
    assert encryption.encrypt("https://hooks.example.com/s3cr3t") != token
    assert encryption.decrypt(token) == "https://hooks.example.com/s3cr3t"


def test_decrypt__key_rotated__old_tokens_are_read_and_encrypted_again(override: Override) -> None:
    override(encryption={"key": OLD, "old_keys": []})
    token = encryption.encrypt("text")
    override(encryption={"key": NEW, "old_keys": [OLD]})
    again = encryption.encrypt_again(token)
    override(encryption={"key": NEW, "old_keys": []})
    assert encryption.decrypt(again) == "text"
    with pytest.raises(encryption.NoKey):
        encryption.decrypt(token)


def test_decrypt__token_of_a_foreign_key_or_changed__is_refused() -> None:
    token = encryption.encrypt("text")
    for wrong in (Fernet(Fernet.generate_key()).encrypt(b"x").decode(), token[:-4] + "AAA="):
        with pytest.raises(encryption.NoKey):
            encryption.decrypt(wrong)


def test_encrypt__no_key__is_refused(override: Override) -> None:
    override(encryption={"key": SecretStr("")})
    assert not encryption.has_key()
    with pytest.raises(encryption.NoKey, match="AUMOS_DRIFT_ENCRYPTION__KEY"):
        encryption.encrypt("text")
