-- When the witnesses were asked last, on AWS, where any of several sealers may do it.
ALTER TABLE app.seal_cursor ADD COLUMN pushed_at timestamptz NOT NULL DEFAULT '-infinity';
