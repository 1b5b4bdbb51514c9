-- $1 factory, $2 device, $3 slot, $4 every slot of the device?, $5 kind. Result: new version of slot $3.
WITH raised AS (
	UPDATE certvendor.slot SET version = version + 1
	WHERE factory = $1 AND device = $2 AND (name = $3 OR $4::boolean)
	RETURNING name, version
), fed AS (
	INSERT INTO certvendor.change (factory, device, slot, version, kind)
	SELECT $1, $2, raised.name, raised.version, $5 FROM raised
)
SELECT version FROM raised WHERE name = $3
