-- $1 factory. Result: {"items":[...]}.
SELECT json_build_object('items', coalesce(json_agg(json_build_object(
	'name', a.name, 'factory', a.factory, 'kind', a.kind, 'state', a.state, 'owner', a.owner,
	'sha256', encode(a.fingerprint, 'hex'), 'created_at', a.created_at) ORDER BY a.created_at, a.name), '[]'::json))
FROM certvendor.authority a WHERE a.factory = $1
