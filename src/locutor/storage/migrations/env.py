"""How alembic reaches the database: on the connection, and in the transaction, that Database hands it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
