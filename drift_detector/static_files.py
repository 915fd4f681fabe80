"""Names static files by their content, so that browsers keep them as long as they are the same."""

from whitenoise.storage import (
    CompressedManifestStaticFilesStorage,
)


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Static files under the names that `collectstatic` has made from their content.

    A file that it has not seen keeps its plain name, so that tests and checks need not run it.
    """

    def stored_name(self, name: str) -> str:
        stored: str = self.hashed_files.get(self.hash_key(self.clean_name(name)), name)
        return stored
