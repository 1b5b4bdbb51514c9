-- $1 name, $2 sources, comma separated, $3 may activate; NULL: as it was.
UPDATE certvendor.gateway SET sources = coalesce(string_to_array($2, ','), sources),
	may_activate = coalesce($3::boolean, may_activate)
WHERE name = $1 AND removed_at IS NULL
