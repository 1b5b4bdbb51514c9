-- Opens a transaction (READ COMMITTED: each statement sees what was committed before it).
BEGIN ISOLATION LEVEL READ COMMITTED
