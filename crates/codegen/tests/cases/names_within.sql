-- Job names_within: one CTE per node of its graph.
-- A statement for each target; the lines "-- target:" say which, so keep them.

-- target: n7 (Checked)
WITH
  -- DQ measures (n1, CatalogSource)
  node_dq_measures AS (
    SELECT *
    FROM shop.orders
  ),

  -- x (n3, SparkSQL)
  x AS (
    WITH
      o AS (SELECT * FROM node_dq_measures)
    SELECT *
    FROM (
      with u as (select order_id, status from o), y (a, b) as (select * from u) select a as order_id, b as status from y
    ) AS query
  ),

  -- y (n4, DropDuplicates)
  y_2 AS (
    SELECT DISTINCT *
    FROM x
  ),

  -- PII counts: selected (n5, SplitFields)
  node_pii_counts_selected AS (
    SELECT
      order_id
    FROM y_2
  ),

  -- dq judged (n6, SelectFromCollection)
  node_dq_judged AS (
    SELECT *
    FROM node_pii_counts_selected
  ),

  -- u (n2, CatalogSource)
  u_2 AS (
    SELECT *
    FROM shop.customers
  ),

dq__measures AS (
  SELECT
  COUNT(*) AS m1,
  COUNT(CASE WHEN order_id IS NOT NULL THEN 1 END) AS m2
  FROM node_dq_judged
), "primary" AS (
  SELECT * FROM node_dq_judged
), "checked_ruleOutcomes" AS (
  SELECT * FROM y_2
), u AS (
  SELECT * FROM u_2
), dq__c1 AS (
  SELECT COUNT(*) AS c1_rows, MAX(CAST(dq__value AS DOUBLE)) AS c1_value
  FROM (with z as (select * from u), dq_measured as (select * from checked_ruleOutcomes) select count(*) from z join dq_measured on z.status is null or dq_measured.status = 'sent') AS dq__query (dq__value)
), dq__measured AS (
  SELECT *,
  CASE WHEN c1_rows = 1 THEN c1_value END AS value1,
  CASE WHEN m1 > 0 THEN CAST(m2 AS DOUBLE) / m1 END AS value2
  FROM dq__measures CROSS JOIN dq__c1
), dq__judged AS (
  SELECT *,
  COALESCE(value1 > 0, FALSE) AS passed1, COALESCE(regexp_replace(CAST(TRY_CAST(value1 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value1 AS VARCHAR)) AS text1,
  COALESCE(value2 = 1, FALSE) AS passed2, COALESCE(regexp_replace(CAST(TRY_CAST(value2 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value2 AS VARCHAR)) AS text2
  FROM dq__measured
), dq__rules AS (
  SELECT 1 AS dq__number, 'CustomSql "with z as (select * from u), dq_measured as (select * from checked_ruleOutcomes) select count(*) from z join dq_measured on z.status is null or dq_measured.status = ''sent''" > 0' AS "Rule"
  UNION ALL SELECT 2, 'IsComplete "order_id"'
)
SELECT "Rule",
  CASE dq__number
    WHEN 1 THEN CASE WHEN passed1 THEN 'Passed' ELSE 'Failed' END
    WHEN 2 THEN CASE WHEN passed2 THEN 'Passed' ELSE 'Failed' END END AS "Outcome",
  CASE dq__number
    WHEN 1 THEN CASE WHEN NOT passed1 THEN CASE WHEN c1_rows <> 1 THEN 'The SQL gave ' || CAST(c1_rows AS VARCHAR) || ' rows, expected one number.' WHEN text1 IS NULL THEN 'The result of the SQL "with z as (select * from u), dq_measured as (select * from checked_ruleOutcomes) select count(*) from z join dq_measured on z.status is null or dq_measured.status = ''sent''" has no value: there is nothing to measure it on.' ELSE 'The result of the SQL "with z as (select * from u), dq_measured as (select * from checked_ruleOutcomes) select count(*) from z join dq_measured on z.status is null or dq_measured.status = ''sent''" is ' || text1 || ', expected > 0.' END END
    WHEN 2 THEN CASE WHEN NOT passed2 THEN CASE WHEN text2 IS NULL THEN 'The completeness of column "order_id" has no value: there is nothing to measure it on.' ELSE 'The completeness of column "order_id" is ' || text2 || ', expected 1 (' || CAST(m2 AS VARCHAR) || ' of ' || CAST(m1 AS VARCHAR) || ' rows).' END END END AS "FailureReason",
  CASE dq__number
    WHEN 1 THEN NULLIF(substr(COALESCE(', Dataset.*.CustomSQL=' || text1, ''), 3), '')
    WHEN 2 THEN NULLIF(substr(COALESCE(', Column.order_id.Completeness=' || text2, ''), 3), '') END AS "EvaluatedMetrics"
FROM dq__rules CROSS JOIN dq__judged
ORDER BY dq__number
;

-- target: n10 (Out)
WITH
  -- DQ measures (n1, CatalogSource)
  node_dq_measures AS (
    SELECT *
    FROM shop.orders
  ),

  -- x (n3, SparkSQL)
  x AS (
    WITH
      o AS (SELECT * FROM node_dq_measures)
    SELECT *
    FROM (
      with u as (select order_id, status from o), y (a, b) as (select * from u) select a as order_id, b as status from y
    ) AS query
  ),

  -- y (n4, DropDuplicates)
  y_2 AS (
    SELECT DISTINCT *
    FROM x
  ),

  -- PII counts: selected (n5, SplitFields)
  node_pii_counts_selected AS (
    SELECT
      order_id
    FROM y_2
  ),

  -- dq judged (n6, SelectFromCollection)
  node_dq_judged AS (
    SELECT *
    FROM node_pii_counts_selected
  ),

  -- u (n2, CatalogSource)
  u_2 AS (
    SELECT *
    FROM shop.customers
  ),

  -- Checked: ruleOutcomes (n7, EvaluateDataQualityMultiFrame)
  checked_ruleoutcomes_2 AS (
    WITH dq__measures AS (
      SELECT
      COUNT(*) AS m1,
      COUNT(CASE WHEN order_id IS NOT NULL THEN 1 END) AS m2
      FROM node_dq_judged
    ), "primary" AS (
      SELECT * FROM node_dq_judged
    ), "checked_ruleOutcomes" AS (
      SELECT * FROM y_2
    ), u AS (
      SELECT * FROM u_2
    ), dq__c1 AS (
      SELECT COUNT(*) AS c1_rows, MAX(CAST(dq__value AS DOUBLE)) AS c1_value
      FROM (with z as (select * from u), dq_measured as (select * from checked_ruleOutcomes) select count(*) from z join dq_measured on z.status is null or dq_measured.status = 'sent') AS dq__query (dq__value)
    ), dq__measured AS (
      SELECT *,
      CASE WHEN c1_rows = 1 THEN c1_value END AS value1,
      CASE WHEN m1 > 0 THEN CAST(m2 AS DOUBLE) / m1 END AS value2
      FROM dq__measures CROSS JOIN dq__c1
    ), dq__judged AS (
      SELECT *,
      COALESCE(value1 > 0, FALSE) AS passed1, COALESCE(regexp_replace(CAST(TRY_CAST(value1 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value1 AS VARCHAR)) AS text1,
      COALESCE(value2 = 1, FALSE) AS passed2, COALESCE(regexp_replace(CAST(TRY_CAST(value2 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value2 AS VARCHAR)) AS text2
      FROM dq__measured
    ), dq__rules AS (
      SELECT 1 AS dq__number, 'CustomSql "with z as (select * from u), dq_measured as (select * from checked_ruleOutcomes) select count(*) from z join dq_measured on z.status is null or dq_measured.status = ''sent''" > 0' AS "Rule"
      UNION ALL SELECT 2, 'IsComplete "order_id"'
    )
    SELECT "Rule",
      CASE dq__number
        WHEN 1 THEN CASE WHEN passed1 THEN 'Passed' ELSE 'Failed' END
        WHEN 2 THEN CASE WHEN passed2 THEN 'Passed' ELSE 'Failed' END END AS "Outcome",
      CASE dq__number
        WHEN 1 THEN CASE WHEN NOT passed1 THEN CASE WHEN c1_rows <> 1 THEN 'The SQL gave ' || CAST(c1_rows AS VARCHAR) || ' rows, expected one number.' WHEN text1 IS NULL THEN 'The result of the SQL "with z as (select * from u), dq_measured as (select * from checked_ruleOutcomes) select count(*) from z join dq_measured on z.status is null or dq_measured.status = ''sent''" has no value: there is nothing to measure it on.' ELSE 'The result of the SQL "with z as (select * from u), dq_measured as (select * from checked_ruleOutcomes) select count(*) from z join dq_measured on z.status is null or dq_measured.status = ''sent''" is ' || text1 || ', expected > 0.' END END
        WHEN 2 THEN CASE WHEN NOT passed2 THEN CASE WHEN text2 IS NULL THEN 'The completeness of column "order_id" has no value: there is nothing to measure it on.' ELSE 'The completeness of column "order_id" is ' || text2 || ', expected 1 (' || CAST(m2 AS VARCHAR) || ' of ' || CAST(m1 AS VARCHAR) || ' rows).' END END END AS "FailureReason",
      CASE dq__number
        WHEN 1 THEN NULLIF(substr(COALESCE(', Dataset.*.CustomSQL=' || text1, ''), 3), '')
        WHEN 2 THEN NULLIF(substr(COALESCE(', Column.order_id.Completeness=' || text2, ''), 3), '') END AS "EvaluatedMetrics"
    FROM dq__rules CROSS JOIN dq__judged
    ORDER BY dq__number
  ),

  -- z (n8, SelectFromCollection)
  z_2 AS (
    SELECT *
    FROM checked_ruleoutcomes_2
  ),

  -- PII asked (n9, PIIDetection)
  node_pii_asked AS (
    SELECT
      "Rule",
      "Outcome",
      "FailureReason",
      "EvaluatedMetrics",
      CAST(NULL AS VARCHAR) AS "DetectedEntities"
    FROM z_2
  )
SELECT *
FROM node_pii_asked
