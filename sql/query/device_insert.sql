-- $1 factory, $2 device. So that there is a row to lock; one row affected when it was new.
INSERT INTO certvendor.device (factory, id)
VALUES ($1, $2)
ON CONFLICT DO NOTHING
