-- $1 name, $2 factory. No row affected while a device is in it. Deleted and revoked devices leave with the group: whoever
-- deletes it may not see them. One whose lock another holds may be about to come back, and counts as in the group; it
-- is not waited for, as the other may wait for the group.
WITH gone AS MATERIALIZED (
	SELECT d.id FROM certvendor.device d
	WHERE d.factory = $2 AND d.group_name = $1 AND d.state IN ('deleted', 'revoked') FOR UPDATE SKIP LOCKED
), is_empty AS MATERIALIZED (
	SELECT WHERE NOT EXISTS (SELECT FROM certvendor.device d
		WHERE d.factory = $2 AND d.group_name = $1 AND d.id NOT IN (SELECT id FROM gone))
), leaving AS (
	UPDATE certvendor.device d SET group_name = NULL FROM is_empty
	WHERE d.factory = $2 AND d.id IN (SELECT id FROM gone)
)
DELETE FROM certvendor.device_group g USING is_empty WHERE g.name = $1 AND g.factory = $2
