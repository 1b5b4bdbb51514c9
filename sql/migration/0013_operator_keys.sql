-- Instances keep the keys of operators in memory, so that no device gets a certificate for one.

CREATE TRIGGER operator_certificate_raises_realm AFTER INSERT OR UPDATE OR DELETE ON certvendor.operator_certificate
	FOR EACH STATEMENT EXECUTE FUNCTION certvendor.raise_realm_version();
