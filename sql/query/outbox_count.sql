-- Deliveries that wait.
SELECT count(*) FROM certvendor.delivery WHERE state = 'pending'
