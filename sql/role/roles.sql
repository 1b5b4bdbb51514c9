-- Group roles, made once per database server. Log-in roles are the operator's: GRANT certvendor_service TO ...
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['certvendor_service', 'certvendor_reader'] LOOP
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name) THEN
			EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', name);
		END IF;
	END LOOP;
END
$$;
