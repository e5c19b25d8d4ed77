"""Where Django looks for an engine: its own for PostgreSQL, but for the pool."""

from typing import Any

from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base

from config.database.pool import Pool


class DatabaseWrapper(base.DatabaseWrapper):
    """`OPTIONS["pool"]` has the arguments of `Pool` that are not about connecting."""

    _connection_pools: dict[str, Any]  # Django's, one for all threads
    _configure_connection: Any  # Django's: time zone and role

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
