"""Where Django looks for an engine: its own for PostgreSQL, but for the pool, and for a server that only reads.

After a switch to another server, or while one is mended, every write fails; to the product that is a database that is
away (OPS-1: 503, nothing is lost), not a defect of ours. Nor may a connection that leads there be kept: it lives for
ever, and stores nothing.
"""

from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from django.db.utils import DatabaseErrorWrapper
from django.utils.functional import cached_property
from psycopg.errors import ReadOnlySqlTransaction

from config.database.pool import Pool, only_reads


class _Errors(DatabaseErrorWrapper):
    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, ReadOnlySqlTransaction):
            self.wrapper.errors_occurred = True  # type: ignore[attr-defined]
            raise OperationalError(*error.args).with_traceback(traceback) from error
        super().__exit__(kind, error, traceback)


class DatabaseWrapper(base.DatabaseWrapper):
    """`OPTIONS["pool"]` has the arguments of `Pool` that are not about connecting."""

    _connection_pools: dict[str, Any]  # Django's, one for all threads
    _configure_connection: Any  # Django's: time zone and role

    @cached_property
    def wrap_database_errors(self) -> _Errors:
        return _Errors(self)

    def is_usable(self) -> bool:
        return bool(super().is_usable()) and not only_reads(self.connection)

    @property
    def pool(self) -> Pool | None:
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        if self.alias not in self._connection_pools:  # of two threads that make one, the first one's is taken
            self._connection_pools.setdefault(self.alias, Pool(connect=self._dialled, **options))
        made: Pool = self._connection_pools[self.alias]
        return made

    def _dialled(self) -> Any:
        connection = self.Database.connect(**{**self.get_connection_params(), "autocommit": True})
        try:
            self._configure_connection(connection)
        except BaseException:
            connection.close()
            raise
        return connection
