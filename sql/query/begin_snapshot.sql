-- Opens a read-only transaction that sees one moment.
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY
