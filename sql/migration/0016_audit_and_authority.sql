-- Rows that no walk along the chain would come to, and such as cannot be chained. NOT VALID: a trail that has some keeps
-- them, and audit verify names them.
ALTER TABLE certvendor.audit ADD CONSTRAINT audit_position_counts CHECK (position > 0) NOT VALID;
ALTER TABLE certvendor.audit ADD CONSTRAINT audit_at_is_a_time CHECK (isfinite(at)) NOT VALID;

-- What one factory shows, or lists as its own, says nothing of another: whose the key of a CA is, is asked before.
ALTER TABLE certvendor.authority DROP CONSTRAINT authority_fingerprint_key;
ALTER TABLE certvendor.authority ADD UNIQUE (factory, fingerprint);
