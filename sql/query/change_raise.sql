-- $1 factory, $2 device, $3 slot, $4 every slot of the device?, $5 kind, $6 end of the issuance
-- debt of slot $3 in seconds since 1970 or NULL. Result: new version of slot $3.
WITH raised AS (
	UPDATE certvendor.slot SET version = version + 1,
		issue_debt_until = CASE WHEN name = $3 THEN coalesce(to_timestamp($6::double precision), issue_debt_until)
			ELSE issue_debt_until END
	WHERE factory = $1 AND device = $2 AND (name = $3 OR $4::boolean)
	RETURNING name, version
), fed AS (
	INSERT INTO certvendor.change (factory, device, slot, version, kind)
	SELECT $1, $2, raised.name, raised.version, $5 FROM raised
)
SELECT version FROM raised WHERE name = $3
