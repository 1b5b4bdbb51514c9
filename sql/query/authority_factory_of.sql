-- $1 fingerprint. Result: a factory that lists it to trust what it signed.
SELECT factory FROM certvendor.authority WHERE fingerprint = $1 AND kind <> 'root' LIMIT 1
