-- Job sources: one CTE per node of its graph.
-- A statement for each target; the lines "-- target:" say which, so keep them.

-- target: e (Users)
WITH
  -- Raw clicks (a, S3CsvSource)
  raw_clicks AS (
    SELECT *
    FROM direct.raw_clicks
  ),

  -- CRM contacts (b, DirectJDBCSource)
  crm_contacts AS (
    SELECT *
    FROM direct.crm_contacts
  ),

  -- Topic (c, DirectKafkaSource)
  topic AS (
    SELECT *
    FROM direct.topic
  ),

  -- All users (d, SparkSQL)
  all_users AS (
    WITH
      x AS (SELECT * FROM raw_clicks),
      y AS (SELECT * FROM crm_contacts),
      z AS (SELECT * FROM topic)
    select "user" from x union select "user" from y union select "user" from z
  )
SELECT *
FROM all_users
;

-- target: f (Users too)
WITH
  -- Raw clicks (a, S3CsvSource)
  raw_clicks AS (
    SELECT *
    FROM direct.raw_clicks
  ),

  -- CRM contacts (b, DirectJDBCSource)
  crm_contacts AS (
    SELECT *
    FROM direct.crm_contacts
  ),

  -- Topic (c, DirectKafkaSource)
  topic AS (
    SELECT *
    FROM direct.topic
  ),

  -- All users (d, SparkSQL)
  all_users AS (
    WITH
      x AS (SELECT * FROM raw_clicks),
      y AS (SELECT * FROM crm_contacts),
      z AS (SELECT * FROM topic)
    select "user" from x union select "user" from y union select "user" from z
  )
SELECT *
FROM all_users
