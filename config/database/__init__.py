"""Django's engine for PostgreSQL, with connections of our own keeping where a process pools them (settings.POOLED)."""
