-- $1 factory, $2 device, $3 array of events as codec/device_json.h describes them. One that is known already is a
-- repetition.
INSERT INTO certvendor.device_event (factory, device, id, place, device_time, correlation_id, event_type, target_name,
	target_version, success, details, ecu)
SELECT $1, $2, e.id, e.place, coalesce(to_timestamp(e.device_time), now()), e.correlation_id, e.event_type,
	e.target_name, e.target_version, e.success, e.details, e.ecu
FROM jsonb_to_recordset($3::jsonb) AS e(id text, place integer, device_time bigint, correlation_id text,
	event_type text, target_name text, target_version text, success boolean, details text, ecu text)
ON CONFLICT (factory, device, id) DO NOTHING
