-- Result: id, policies as a gateway is told them. Groups without any are left out.
SELECT id, array_to_string(policies, ', ') FROM certvendor.device_group WHERE cardinality(policies) > 0 ORDER BY id
