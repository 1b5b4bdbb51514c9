-- $1 fingerprint.
SELECT der FROM certvendor.certificate WHERE fingerprint = $1
