-- Job flatten_some: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- People (n1, CatalogSource)
  people AS (
    SELECT *
    FROM crm.people
  ),

  -- Flatten some (n2, Flatten)
  flatten_some AS (
    SELECT
      id,
      address['city'] AS "address.city",
      address['geo']['lat'] AS "address.geo.lat",
      address['geo']['lon'] AS "address.geo.lon",
      tags,
      items
    FROM people
  )
SELECT *
FROM flatten_some
