SELECT coalesce(max(version), 0) FROM certvendor.schema_migration
