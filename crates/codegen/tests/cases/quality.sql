-- Job quality: one CTE per node of its graph.
-- A statement for each target; the lines "-- target:" say which, so keep them.

-- target: n2 (Good orders)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

dq_measures AS (
  SELECT
  COUNT(*) AS m1,
  COUNT(CASE WHEN order_id IS NOT NULL THEN 1 END) AS m2,
  COUNT(CASE WHEN (
  status = 'open' -- only these
) THEN 1 END) AS m3,
  COUNT(CASE WHEN (
  status = 'open' -- only these
) AND price > 1 THEN 1 END) AS m4,
  COUNT(CASE WHEN status IS NOT NULL THEN 1 END) AS m5,
  AVG(CAST(price AS DOUBLE)) AS m6,
  COUNT(CASE WHEN (item = 'pear') THEN 1 END) AS m7,
  COUNT(CASE WHEN (item = 'pear') AND note IS NOT NULL THEN 1 END) AS m8
  FROM orders
), dq_p1 AS (
  SELECT COUNT(*) AS p1_distinct, COUNT(CASE WHEN dq_n = 1 THEN 1 END) AS p1_unique,
    COALESCE(SUM(dq_n), 0) AS p1_values, SUM(dq_n * LN(CAST(dq_n AS DOUBLE))) AS p1_n_ln_n
  FROM (SELECT COUNT(*) AS dq_n FROM orders WHERE order_id IS NOT NULL GROUP BY order_id) AS dq_groups
), "primary" AS (
  SELECT * FROM orders
), dq_c1 AS (
  SELECT COUNT(*) AS c1_rows, MAX(CAST(dq_value AS DOUBLE)) AS c1_value
  FROM (
  select count(*) from primary where quantity > 2 -- many
) AS dq_query (dq_value)
), dq_measured AS (
  SELECT *,
  CASE WHEN m1 > 0 THEN CAST(m2 AS DOUBLE) / m1 END AS value1,
  CASE WHEN p1_values > 0 THEN CAST(p1_unique AS DOUBLE) / p1_values END AS value2,
  CASE WHEN m3 > 0 THEN CAST(m4 AS DOUBLE) / m3 END AS value3,
  CAST(m1 AS DOUBLE) AS value4,
  CASE WHEN m1 > 0 THEN CAST(m5 AS DOUBLE) / m1 END AS value5,
  CASE WHEN c1_rows = 1 THEN c1_value END AS value6,
  CAST(m1 AS DOUBLE) AS value7,
  NULLIF(m6, CAST('NaN' AS DOUBLE)) AS value8,
  CASE WHEN m7 > 0 THEN CAST(m8 AS DOUBLE) / m7 END AS value9
  FROM dq_measures CROSS JOIN dq_p1 CROSS JOIN dq_c1
), dq_judged AS (
  SELECT *,
  COALESCE(value1 = 1, FALSE) AS passed1, COALESCE(regexp_replace(CAST(TRY_CAST(value1 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value1 AS VARCHAR)) AS text1,
  COALESCE(value2 = 1, FALSE) AS passed2, COALESCE(regexp_replace(CAST(TRY_CAST(value2 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value2 AS VARCHAR)) AS text2,
  COALESCE(value3 = 1, FALSE) AS passed3, COALESCE(regexp_replace(CAST(TRY_CAST(value3 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value3 AS VARCHAR)) AS text3,
  COALESCE(value4 > 5, FALSE) AS passed4, COALESCE(regexp_replace(CAST(TRY_CAST(value4 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value4 AS VARCHAR)) AS text4,
  COALESCE(value5 > 0.9, FALSE) AS passed5, COALESCE(regexp_replace(CAST(TRY_CAST(value5 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value5 AS VARCHAR)) AS text5,
  COALESCE(value6 = 2, FALSE) AS passed6, COALESCE(regexp_replace(CAST(TRY_CAST(value6 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value6 AS VARCHAR)) AS text6,
  COALESCE(value7 = 1, FALSE) AS passed7, COALESCE(regexp_replace(CAST(TRY_CAST(value7 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value7 AS VARCHAR)) AS text7,
  COALESCE(value8 = 1, FALSE) AS passed8, COALESCE(regexp_replace(CAST(TRY_CAST(value8 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value8 AS VARCHAR)) AS text8,
  COALESCE(value9 = 1, FALSE) AS passed9, COALESCE(regexp_replace(CAST(TRY_CAST(value9 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value9 AS VARCHAR)) AS text9
  FROM dq_measured
), dq_rules AS (
  SELECT 1 AS dq_number, 'IsComplete "order_id"' AS "Rule"
  UNION ALL SELECT 2, 'IsUnique "order_id"'
  UNION ALL SELECT 3, 'ColumnValues "price" > 1 where "status = ''open'' -- only these"'
  UNION ALL SELECT 4, '(RowCount > 5) and (Completeness "status" > 0.9)'
  UNION ALL SELECT 5, 'CustomSql "select count(*) from primary where quantity > 2 -- many" = 2'
  UNION ALL SELECT 6, 'RowCount'
  UNION ALL SELECT 7, 'Mean "price"'
  UNION ALL SELECT 8, 'Completeness "note" where "item = ''pear''"'
)
SELECT "Rule",
  CASE dq_number
    WHEN 1 THEN CASE WHEN passed1 THEN 'Passed' ELSE 'Failed' END
    WHEN 2 THEN CASE WHEN passed2 THEN 'Passed' ELSE 'Failed' END
    WHEN 3 THEN CASE WHEN passed3 THEN 'Passed' ELSE 'Failed' END
    WHEN 4 THEN CASE WHEN (passed4 AND passed5) THEN 'Passed' ELSE 'Failed' END
    WHEN 5 THEN CASE WHEN passed6 THEN 'Passed' ELSE 'Failed' END END AS "Outcome",
  CASE dq_number
    WHEN 1 THEN CASE WHEN NOT passed1 THEN CASE WHEN text1 IS NULL THEN 'The completeness of column "order_id" has no value: there is nothing to measure it on.' ELSE 'The completeness of column "order_id" is ' || text1 || ', expected 1 (' || CAST(m2 AS VARCHAR) || ' of ' || CAST(m1 AS VARCHAR) || ' rows).' END END
    WHEN 2 THEN CASE WHEN NOT passed2 THEN CASE WHEN text2 IS NULL THEN 'The uniqueness of column "order_id" has no value: there is nothing to measure it on.' ELSE 'The uniqueness of column "order_id" is ' || text2 || ', expected 1 (' || CAST(p1_unique AS VARCHAR) || ' of ' || CAST(p1_values AS VARCHAR) || ' rows).' END END
    WHEN 3 THEN CASE WHEN NOT passed3 THEN CASE WHEN text3 IS NULL THEN 'The share of rows that pass ColumnValues "price" > 1 has no value: there is nothing to measure it on.' ELSE 'The share of rows that pass ColumnValues "price" > 1 is ' || text3 || ', expected 1 (' || CAST(m4 AS VARCHAR) || ' of ' || CAST(m3 AS VARCHAR) || ' rows).' END END
    WHEN 4 THEN CASE WHEN NOT (passed4 AND passed5) THEN substr(CASE WHEN passed4 THEN '' ELSE ' ' || CASE WHEN text4 IS NULL THEN 'The number of rows has no value: there is nothing to measure it on.' ELSE 'The number of rows is ' || text4 || ', expected > 5.' END END || CASE WHEN passed5 THEN '' ELSE ' ' || CASE WHEN text5 IS NULL THEN 'The completeness of column "status" has no value: there is nothing to measure it on.' ELSE 'The completeness of column "status" is ' || text5 || ', expected > 0.9 (' || CAST(m5 AS VARCHAR) || ' of ' || CAST(m1 AS VARCHAR) || ' rows).' END END, 2) END
    WHEN 5 THEN CASE WHEN NOT passed6 THEN CASE WHEN c1_rows <> 1 THEN 'The SQL gave ' || CAST(c1_rows AS VARCHAR) || ' rows, expected one number.' WHEN text6 IS NULL THEN 'The result of the SQL "select count(*) from primary where quantity > 2 -- many" has no value: there is nothing to measure it on.' ELSE 'The result of the SQL "select count(*) from primary where quantity > 2 -- many" is ' || text6 || ', expected = 2.' END END END AS "FailureReason",
  CASE dq_number
    WHEN 1 THEN NULLIF(substr(COALESCE(', Column.order_id.Completeness=' || text1, ''), 3), '')
    WHEN 2 THEN NULLIF(substr(COALESCE(', Column.order_id.Uniqueness=' || text2, ''), 3), '')
    WHEN 3 THEN NULLIF(substr(COALESCE(', Column.price.ColumnValues.Compliance=' || text3, ''), 3), '')
    WHEN 4 THEN NULLIF(substr(COALESCE(', Dataset.*.RowCount=' || text4, '') || COALESCE(', Column.status.Completeness=' || text5, ''), 3), '')
    WHEN 5 THEN NULLIF(substr(COALESCE(', Dataset.*.CustomSQL=' || text6, ''), 3), '')
    WHEN 6 THEN NULLIF(substr(COALESCE(', Dataset.*.RowCount=' || text7, ''), 3), '')
    WHEN 7 THEN NULLIF(substr(COALESCE(', Column.price.Mean=' || text8, ''), 3), '')
    WHEN 8 THEN NULLIF(substr(COALESCE(', Column.note.Completeness=' || text9, ''), 3), '') END AS "EvaluatedMetrics"
FROM dq_rules CROSS JOIN dq_judged
ORDER BY dq_number
;

-- target: n3 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Good orders (n2, EvaluateDataQuality)
  good_orders AS (
    WITH dq_measures AS (
      SELECT
      COUNT(*) AS m1,
      COUNT(CASE WHEN order_id IS NOT NULL THEN 1 END) AS m2,
      COUNT(CASE WHEN (
      status = 'open' -- only these
    ) THEN 1 END) AS m3,
      COUNT(CASE WHEN (
      status = 'open' -- only these
    ) AND price > 1 THEN 1 END) AS m4,
      COUNT(CASE WHEN status IS NOT NULL THEN 1 END) AS m5,
      AVG(CAST(price AS DOUBLE)) AS m6,
      COUNT(CASE WHEN (item = 'pear') THEN 1 END) AS m7,
      COUNT(CASE WHEN (item = 'pear') AND note IS NOT NULL THEN 1 END) AS m8
      FROM orders
    ), dq_p1 AS (
      SELECT COUNT(*) AS p1_distinct, COUNT(CASE WHEN dq_n = 1 THEN 1 END) AS p1_unique,
        COALESCE(SUM(dq_n), 0) AS p1_values, SUM(dq_n * LN(CAST(dq_n AS DOUBLE))) AS p1_n_ln_n
      FROM (SELECT COUNT(*) AS dq_n FROM orders WHERE order_id IS NOT NULL GROUP BY order_id) AS dq_groups
    ), "primary" AS (
      SELECT * FROM orders
    ), dq_c1 AS (
      SELECT COUNT(*) AS c1_rows, MAX(CAST(dq_value AS DOUBLE)) AS c1_value
      FROM (
      select count(*) from primary where quantity > 2 -- many
    ) AS dq_query (dq_value)
    ), dq_measured AS (
      SELECT *,
      CASE WHEN m1 > 0 THEN CAST(m2 AS DOUBLE) / m1 END AS value1,
      CASE WHEN p1_values > 0 THEN CAST(p1_unique AS DOUBLE) / p1_values END AS value2,
      CASE WHEN m3 > 0 THEN CAST(m4 AS DOUBLE) / m3 END AS value3,
      CAST(m1 AS DOUBLE) AS value4,
      CASE WHEN m1 > 0 THEN CAST(m5 AS DOUBLE) / m1 END AS value5,
      CASE WHEN c1_rows = 1 THEN c1_value END AS value6,
      CAST(m1 AS DOUBLE) AS value7,
      NULLIF(m6, CAST('NaN' AS DOUBLE)) AS value8,
      CASE WHEN m7 > 0 THEN CAST(m8 AS DOUBLE) / m7 END AS value9
      FROM dq_measures CROSS JOIN dq_p1 CROSS JOIN dq_c1
    ), dq_judged AS (
      SELECT *,
      COALESCE(value1 = 1, FALSE) AS passed1, COALESCE(regexp_replace(CAST(TRY_CAST(value1 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value1 AS VARCHAR)) AS text1,
      COALESCE(value2 = 1, FALSE) AS passed2, COALESCE(regexp_replace(CAST(TRY_CAST(value2 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value2 AS VARCHAR)) AS text2,
      COALESCE(value3 = 1, FALSE) AS passed3, COALESCE(regexp_replace(CAST(TRY_CAST(value3 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value3 AS VARCHAR)) AS text3,
      COALESCE(value4 > 5, FALSE) AS passed4, COALESCE(regexp_replace(CAST(TRY_CAST(value4 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value4 AS VARCHAR)) AS text4,
      COALESCE(value5 > 0.9, FALSE) AS passed5, COALESCE(regexp_replace(CAST(TRY_CAST(value5 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value5 AS VARCHAR)) AS text5,
      COALESCE(value6 = 2, FALSE) AS passed6, COALESCE(regexp_replace(CAST(TRY_CAST(value6 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value6 AS VARCHAR)) AS text6,
      COALESCE(value7 = 1, FALSE) AS passed7, COALESCE(regexp_replace(CAST(TRY_CAST(value7 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value7 AS VARCHAR)) AS text7,
      COALESCE(value8 = 1, FALSE) AS passed8, COALESCE(regexp_replace(CAST(TRY_CAST(value8 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value8 AS VARCHAR)) AS text8,
      COALESCE(value9 = 1, FALSE) AS passed9, COALESCE(regexp_replace(CAST(TRY_CAST(value9 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value9 AS VARCHAR)) AS text9
      FROM dq_measured
    ), dq_rules AS (
      SELECT 1 AS dq_number, 'IsComplete "order_id"' AS "Rule"
      UNION ALL SELECT 2, 'IsUnique "order_id"'
      UNION ALL SELECT 3, 'ColumnValues "price" > 1 where "status = ''open'' -- only these"'
      UNION ALL SELECT 4, '(RowCount > 5) and (Completeness "status" > 0.9)'
      UNION ALL SELECT 5, 'CustomSql "select count(*) from primary where quantity > 2 -- many" = 2'
      UNION ALL SELECT 6, 'RowCount'
      UNION ALL SELECT 7, 'Mean "price"'
      UNION ALL SELECT 8, 'Completeness "note" where "item = ''pear''"'
    )
    SELECT "Rule",
      CASE dq_number
        WHEN 1 THEN CASE WHEN passed1 THEN 'Passed' ELSE 'Failed' END
        WHEN 2 THEN CASE WHEN passed2 THEN 'Passed' ELSE 'Failed' END
        WHEN 3 THEN CASE WHEN passed3 THEN 'Passed' ELSE 'Failed' END
        WHEN 4 THEN CASE WHEN (passed4 AND passed5) THEN 'Passed' ELSE 'Failed' END
        WHEN 5 THEN CASE WHEN passed6 THEN 'Passed' ELSE 'Failed' END END AS "Outcome",
      CASE dq_number
        WHEN 1 THEN CASE WHEN NOT passed1 THEN CASE WHEN text1 IS NULL THEN 'The completeness of column "order_id" has no value: there is nothing to measure it on.' ELSE 'The completeness of column "order_id" is ' || text1 || ', expected 1 (' || CAST(m2 AS VARCHAR) || ' of ' || CAST(m1 AS VARCHAR) || ' rows).' END END
        WHEN 2 THEN CASE WHEN NOT passed2 THEN CASE WHEN text2 IS NULL THEN 'The uniqueness of column "order_id" has no value: there is nothing to measure it on.' ELSE 'The uniqueness of column "order_id" is ' || text2 || ', expected 1 (' || CAST(p1_unique AS VARCHAR) || ' of ' || CAST(p1_values AS VARCHAR) || ' rows).' END END
        WHEN 3 THEN CASE WHEN NOT passed3 THEN CASE WHEN text3 IS NULL THEN 'The share of rows that pass ColumnValues "price" > 1 has no value: there is nothing to measure it on.' ELSE 'The share of rows that pass ColumnValues "price" > 1 is ' || text3 || ', expected 1 (' || CAST(m4 AS VARCHAR) || ' of ' || CAST(m3 AS VARCHAR) || ' rows).' END END
        WHEN 4 THEN CASE WHEN NOT (passed4 AND passed5) THEN substr(CASE WHEN passed4 THEN '' ELSE ' ' || CASE WHEN text4 IS NULL THEN 'The number of rows has no value: there is nothing to measure it on.' ELSE 'The number of rows is ' || text4 || ', expected > 5.' END END || CASE WHEN passed5 THEN '' ELSE ' ' || CASE WHEN text5 IS NULL THEN 'The completeness of column "status" has no value: there is nothing to measure it on.' ELSE 'The completeness of column "status" is ' || text5 || ', expected > 0.9 (' || CAST(m5 AS VARCHAR) || ' of ' || CAST(m1 AS VARCHAR) || ' rows).' END END, 2) END
        WHEN 5 THEN CASE WHEN NOT passed6 THEN CASE WHEN c1_rows <> 1 THEN 'The SQL gave ' || CAST(c1_rows AS VARCHAR) || ' rows, expected one number.' WHEN text6 IS NULL THEN 'The result of the SQL "select count(*) from primary where quantity > 2 -- many" has no value: there is nothing to measure it on.' ELSE 'The result of the SQL "select count(*) from primary where quantity > 2 -- many" is ' || text6 || ', expected = 2.' END END END AS "FailureReason",
      CASE dq_number
        WHEN 1 THEN NULLIF(substr(COALESCE(', Column.order_id.Completeness=' || text1, ''), 3), '')
        WHEN 2 THEN NULLIF(substr(COALESCE(', Column.order_id.Uniqueness=' || text2, ''), 3), '')
        WHEN 3 THEN NULLIF(substr(COALESCE(', Column.price.ColumnValues.Compliance=' || text3, ''), 3), '')
        WHEN 4 THEN NULLIF(substr(COALESCE(', Dataset.*.RowCount=' || text4, '') || COALESCE(', Column.status.Completeness=' || text5, ''), 3), '')
        WHEN 5 THEN NULLIF(substr(COALESCE(', Dataset.*.CustomSQL=' || text6, ''), 3), '')
        WHEN 6 THEN NULLIF(substr(COALESCE(', Dataset.*.RowCount=' || text7, ''), 3), '')
        WHEN 7 THEN NULLIF(substr(COALESCE(', Column.price.Mean=' || text8, ''), 3), '')
        WHEN 8 THEN NULLIF(substr(COALESCE(', Column.note.Completeness=' || text9, ''), 3), '') END AS "EvaluatedMetrics"
    FROM dq_rules CROSS JOIN dq_judged
    ORDER BY dq_number
  )
SELECT *
FROM good_orders
;

-- target: n4 (Only measured)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

dq_measures AS (
  SELECT
  SUM(CAST(quantity AS DOUBLE)) AS m1
  FROM orders
), dq_p1 AS (
  SELECT COUNT(*) AS p1_distinct, COUNT(CASE WHEN dq_n = 1 THEN 1 END) AS p1_unique,
    COALESCE(SUM(dq_n), 0) AS p1_values, SUM(dq_n * LN(CAST(dq_n AS DOUBLE))) AS p1_n_ln_n
  FROM (SELECT COUNT(*) AS dq_n FROM orders WHERE item IS NOT NULL GROUP BY item) AS dq_groups
), dq_measured AS (
  SELECT *,
  NULLIF(m1, CAST('NaN' AS DOUBLE)) AS value1,
  CAST(p1_distinct AS DOUBLE) AS value2
  FROM dq_measures CROSS JOIN dq_p1
), dq_judged AS (
  SELECT *,
  COALESCE(value1 = 1, FALSE) AS passed1, COALESCE(regexp_replace(CAST(TRY_CAST(value1 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value1 AS VARCHAR)) AS text1,
  COALESCE(value2 = 1, FALSE) AS passed2, COALESCE(regexp_replace(CAST(TRY_CAST(value2 AS DECIMAL(38, 6)) AS VARCHAR), '[.]?0+$', ''), CAST(value2 AS VARCHAR)) AS text2
  FROM dq_measured
), dq_rules AS (
  SELECT 1 AS dq_number, 'Sum "quantity"' AS "Rule"
  UNION ALL SELECT 2, 'DistinctValuesCount "item"'
)
SELECT "Rule",
  CAST(NULL AS VARCHAR) AS "Outcome",
  CAST(NULL AS VARCHAR) AS "FailureReason",
  CASE dq_number
    WHEN 1 THEN NULLIF(substr(COALESCE(', Column.quantity.Sum=' || text1, ''), 3), '')
    WHEN 2 THEN NULLIF(substr(COALESCE(', Column.item.DistinctValuesCount=' || text2, ''), 3), '') END AS "EvaluatedMetrics"
FROM dq_rules CROSS JOIN dq_judged
ORDER BY dq_number
;

-- target: n5 (Out)
WITH
  -- Orders (n1, CatalogSource)
  orders AS (
    SELECT *
    FROM shop.orders
  ),

  -- Only measured (n4, EvaluateDataQuality)
  only_measured AS (
    SELECT *
    FROM orders
  )
SELECT *
FROM only_measured
