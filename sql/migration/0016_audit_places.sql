-- Rows that no walk along the chain would come to, and such as cannot be chained. NOT VALID: a trail that has some keeps
-- them, and audit verify names them.
ALTER TABLE certvendor.audit ADD CONSTRAINT audit_position_counts CHECK (position > 0) NOT VALID;
ALTER TABLE certvendor.audit ADD CONSTRAINT audit_at_is_a_time CHECK (isfinite(at)) NOT VALID;
