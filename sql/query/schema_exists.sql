SELECT to_regclass('certvendor.schema_migration') IS NOT NULL
