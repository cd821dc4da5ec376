-- Job pii_row: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- Customers (n1, CatalogSource)
  customers AS (
    SELECT *
    FROM shop.customers
  ),

  -- Hide (n2, PIIDetection)
  hide AS (
    SELECT
      id,
      CASE WHEN regexp_like(name, '^[AE]') THEN CASE WHEN character_length(name) > 1 THEN substr(name, 1, 1) || repeat('*', character_length(name) - 1) ELSE repeat('*', character_length(name)) END ELSE name END AS name,
      CASE WHEN regexp_like("Country", '^[AE]') THEN CASE WHEN character_length("Country") > 1 THEN substr("Country", 1, 1) || repeat('*', character_length("Country") - 1) ELSE repeat('*', character_length("Country")) END ELSE "Country" END AS "Country",
      CASE WHEN regexp_like(status, '^[AE]') THEN CASE WHEN character_length(status) > 1 THEN substr(status, 1, 1) || repeat('*', character_length(status) - 1) ELSE repeat('*', character_length(status)) END ELSE status END AS status,
      since,
      seen,
      active,
      NULLIF(substr(CASE WHEN regexp_like(name, '^[AE]') OR regexp_like("Country", '^[AE]') OR regexp_like(status, '^[AE]') THEN ',MATCH_PATTERN' ELSE '' END, 2), '') AS found
    FROM customers
  )
SELECT *
FROM hide
