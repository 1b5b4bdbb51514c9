-- For a claim, whose own commit need not reach the disk before the change that follows it on this connection:
-- the log is written in order, so that change's durable commit carries the claim with it.
SET LOCAL synchronous_commit TO off
