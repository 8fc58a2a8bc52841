-- The queue is small and never at rest: every request comes, is claimed and leaves. What they leave behind is cleared
-- away by the thousand instead of by a fifth of the table, and without pauses, so that claiming stays flat.
ALTER TABLE app.request_queue SET (
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_cost_delay = 0
);
