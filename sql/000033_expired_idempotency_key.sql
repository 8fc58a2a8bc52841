-- An Idempotency-Key is free again once its time is over, also before the midnight round takes it away: the tenant may
-- forget its own old ones, and never one that may still be asked for.
CREATE POLICY only_old_ones ON app.idempotency_key AS RESTRICTIVE FOR DELETE TO logline_app
  USING (at < now() - interval '1 day');
GRANT DELETE ON app.idempotency_key TO logline_app;
