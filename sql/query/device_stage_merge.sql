-- $1 factory, $2 device, $3 files that any key can read: every stage takes them over.
UPDATE certvendor.device_stage SET files = certvendor.written_files(files, 'merge', $3::jsonb)
WHERE factory = $1 AND device = $2
