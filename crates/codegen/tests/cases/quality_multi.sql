-- Job quality_multi: one CTE per node of its graph.
-- A statement for each target; the lines "-- target:" say which, so keep them.

-- target: n2 (Checked)
WITH
  -- Orders (a, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Reference (b, CatalogSource)
  reference AS (
    SELECT *
    FROM shop.customers
  ),

dq_measures AS (
  SELECT
  COUNT(*) AS m1
  FROM orders
), dq_p1 AS (
  SELECT COUNT(*) AS p1_rows, COUNT(r.found) AS p1_matched
  FROM (SELECT customer_id AS l0 FROM orders) AS l
    LEFT JOIN (SELECT DISTINCT id AS r0, 1 AS found FROM reference) AS r ON l.l0 = r.r0
), dq_p2 AS (
  SELECT COUNT(*) AS p2_rows FROM reference
), "primary" AS (
  SELECT * FROM orders
), dq_c1 AS (
  SELECT COUNT(*) AS c1_rows, MAX(CAST(dq_value AS DOUBLE)) AS c1_value
  FROM (select count(*) from primary p join reference r on r.id = p.customer_id) AS dq_query (dq_value)
), dq_measured AS (
  SELECT *,
  CASE WHEN p1_rows > 0 THEN CAST(p1_matched AS DOUBLE) / p1_rows END AS value1,
  CASE WHEN p2_rows > 0 THEN CAST(m1 AS DOUBLE) / p2_rows END AS value2,
  CASE WHEN c1_rows = 1 THEN c1_value END AS value3
  FROM dq_measures CROSS JOIN dq_p1 CROSS JOIN dq_p2 CROSS JOIN dq_c1
), dq_judged AS (
  SELECT *,
  COALESCE(value1 > 0.5, FALSE) AS passed1, COALESCE(regexp_replace(CAST(TRY_CAST(value1 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value1 AS VARCHAR)) AS text1,
  COALESCE(value2 = 2.0, FALSE) AS passed2, COALESCE(regexp_replace(CAST(TRY_CAST(value2 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value2 AS VARCHAR)) AS text2,
  COALESCE(value3 = 3, FALSE) AS passed3, COALESCE(regexp_replace(CAST(TRY_CAST(value3 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value3 AS VARCHAR)) AS text3
  FROM dq_measured
), dq_rules AS (
  SELECT 1 AS dq_number, 'ReferentialIntegrity "customer_id" "reference.id" > 0.5' AS "Rule"
  UNION ALL SELECT 2, 'RowCountMatch "reference" = 2.0'
  UNION ALL SELECT 3, 'CustomSql "select count(*) from primary p join reference r on r.id = p.customer_id" = 3'
)
SELECT "Rule",
  CASE dq_number
    WHEN 1 THEN CASE WHEN passed1 THEN 'Passed' ELSE 'Failed' END
    WHEN 2 THEN CASE WHEN passed2 THEN 'Passed' ELSE 'Failed' END
    WHEN 3 THEN CASE WHEN passed3 THEN 'Passed' ELSE 'Failed' END END AS "Outcome",
  CASE dq_number
    WHEN 1 THEN CASE WHEN NOT passed1 THEN CASE WHEN text1 IS NULL THEN 'The share of rows whose customer_id occurs in "reference" has no value: there is nothing to measure it on.' ELSE 'The share of rows whose customer_id occurs in "reference" is ' || text1 || ', expected > 0.5 (' || CAST(p1_matched AS VARCHAR) || ' of ' || CAST(p1_rows AS VARCHAR) || ' rows).' END END
    WHEN 2 THEN CASE WHEN NOT passed2 THEN CASE WHEN text2 IS NULL THEN 'The number of rows divided by that of "reference" has no value: there is nothing to measure it on.' ELSE 'The number of rows divided by that of "reference" is ' || text2 || ', expected = 2.0.' END END
    WHEN 3 THEN CASE WHEN NOT passed3 THEN CASE WHEN c1_rows <> 1 THEN 'The SQL gave ' || CAST(c1_rows AS VARCHAR) || ' rows, expected one number.' WHEN text3 IS NULL THEN 'The result of the SQL "select count(*) from primary p join reference r on r.id = p.customer_id" has no value: there is nothing to measure it on.' ELSE 'The result of the SQL "select count(*) from primary p join reference r on r.id = p.customer_id" is ' || text3 || ', expected = 3.' END END END AS "FailureReason",
  CASE dq_number
    WHEN 1 THEN NULLIF(substr(COALESCE(', Column.reference.ReferentialIntegrity=' || text1, ''), 3), '')
    WHEN 2 THEN NULLIF(substr(COALESCE(', Dataset.reference.RowCountMatch=' || text2, ''), 3), '')
    WHEN 3 THEN NULLIF(substr(COALESCE(', Dataset.*.CustomSQL=' || text3, ''), 3), '') END AS "EvaluatedMetrics"
FROM dq_rules CROSS JOIN dq_judged
ORDER BY dq_number
;

-- target: n5 (Out)
WITH
  -- Orders (a, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Reference (b, CatalogSource)
  reference AS (
    SELECT *
    FROM shop.customers
  ),

  -- Checked: originalData (n2, EvaluateDataQualityMultiFrame)
  checked_originaldata AS (
    SELECT *
    FROM orders
  ),

  -- Rows (n3, SelectFromCollection)
  rows_node AS (
    SELECT *
    FROM checked_originaldata
  )
SELECT *
FROM rows_node
;

-- target: n6 (Out)
WITH
  -- Orders (a, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Reference (b, CatalogSource)
  reference AS (
    SELECT *
    FROM shop.customers
  ),

  -- Checked: ruleOutcomes (n2, EvaluateDataQualityMultiFrame)
  checked_ruleoutcomes AS (
    WITH dq_measures AS (
      SELECT
      COUNT(*) AS m1
      FROM orders
    ), dq_p1 AS (
      SELECT COUNT(*) AS p1_rows, COUNT(r.found) AS p1_matched
      FROM (SELECT customer_id AS l0 FROM orders) AS l
        LEFT JOIN (SELECT DISTINCT id AS r0, 1 AS found FROM reference) AS r ON l.l0 = r.r0
    ), dq_p2 AS (
      SELECT COUNT(*) AS p2_rows FROM reference
    ), "primary" AS (
      SELECT * FROM orders
    ), dq_c1 AS (
      SELECT COUNT(*) AS c1_rows, MAX(CAST(dq_value AS DOUBLE)) AS c1_value
      FROM (select count(*) from primary p join reference r on r.id = p.customer_id) AS dq_query (dq_value)
    ), dq_measured AS (
      SELECT *,
      CASE WHEN p1_rows > 0 THEN CAST(p1_matched AS DOUBLE) / p1_rows END AS value1,
      CASE WHEN p2_rows > 0 THEN CAST(m1 AS DOUBLE) / p2_rows END AS value2,
      CASE WHEN c1_rows = 1 THEN c1_value END AS value3
      FROM dq_measures CROSS JOIN dq_p1 CROSS JOIN dq_p2 CROSS JOIN dq_c1
    ), dq_judged AS (
      SELECT *,
      COALESCE(value1 > 0.5, FALSE) AS passed1, COALESCE(regexp_replace(CAST(TRY_CAST(value1 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value1 AS VARCHAR)) AS text1,
      COALESCE(value2 = 2.0, FALSE) AS passed2, COALESCE(regexp_replace(CAST(TRY_CAST(value2 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value2 AS VARCHAR)) AS text2,
      COALESCE(value3 = 3, FALSE) AS passed3, COALESCE(regexp_replace(CAST(TRY_CAST(value3 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value3 AS VARCHAR)) AS text3
      FROM dq_measured
    ), dq_rules AS (
      SELECT 1 AS dq_number, 'ReferentialIntegrity "customer_id" "reference.id" > 0.5' AS "Rule"
      UNION ALL SELECT 2, 'RowCountMatch "reference" = 2.0'
      UNION ALL SELECT 3, 'CustomSql "select count(*) from primary p join reference r on r.id = p.customer_id" = 3'
    )
    SELECT "Rule",
      CASE dq_number
        WHEN 1 THEN CASE WHEN passed1 THEN 'Passed' ELSE 'Failed' END
        WHEN 2 THEN CASE WHEN passed2 THEN 'Passed' ELSE 'Failed' END
        WHEN 3 THEN CASE WHEN passed3 THEN 'Passed' ELSE 'Failed' END END AS "Outcome",
      CASE dq_number
        WHEN 1 THEN CASE WHEN NOT passed1 THEN CASE WHEN text1 IS NULL THEN 'The share of rows whose customer_id occurs in "reference" has no value: there is nothing to measure it on.' ELSE 'The share of rows whose customer_id occurs in "reference" is ' || text1 || ', expected > 0.5 (' || CAST(p1_matched AS VARCHAR) || ' of ' || CAST(p1_rows AS VARCHAR) || ' rows).' END END
        WHEN 2 THEN CASE WHEN NOT passed2 THEN CASE WHEN text2 IS NULL THEN 'The number of rows divided by that of "reference" has no value: there is nothing to measure it on.' ELSE 'The number of rows divided by that of "reference" is ' || text2 || ', expected = 2.0.' END END
        WHEN 3 THEN CASE WHEN NOT passed3 THEN CASE WHEN c1_rows <> 1 THEN 'The SQL gave ' || CAST(c1_rows AS VARCHAR) || ' rows, expected one number.' WHEN text3 IS NULL THEN 'The result of the SQL "select count(*) from primary p join reference r on r.id = p.customer_id" has no value: there is nothing to measure it on.' ELSE 'The result of the SQL "select count(*) from primary p join reference r on r.id = p.customer_id" is ' || text3 || ', expected = 3.' END END END AS "FailureReason",
      CASE dq_number
        WHEN 1 THEN NULLIF(substr(COALESCE(', Column.reference.ReferentialIntegrity=' || text1, ''), 3), '')
        WHEN 2 THEN NULLIF(substr(COALESCE(', Dataset.reference.RowCountMatch=' || text2, ''), 3), '')
        WHEN 3 THEN NULLIF(substr(COALESCE(', Dataset.*.CustomSQL=' || text3, ''), 3), '') END AS "EvaluatedMetrics"
    FROM dq_rules CROSS JOIN dq_judged
    ORDER BY dq_number
  ),

  -- Outcomes (n4, SelectFromCollection)
  outcomes AS (
    SELECT *
    FROM checked_ruleoutcomes
  )
SELECT *
FROM outcomes
