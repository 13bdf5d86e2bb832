from tests.databases import database_url, engine, postgres_database, postgres_server, repository, sealer

__all__ = ["database_url", "engine", "postgres_database", "postgres_server", "repository", "sealer"]
