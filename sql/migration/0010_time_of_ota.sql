-- Times of FoundriesFactory clients: fioctl of before 2022 reads "+00:00" to the letter, later ones any RFC 3339.
CREATE OR REPLACE FUNCTION certvendor.ota_time(at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT coalesce(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'), '')
$$;
