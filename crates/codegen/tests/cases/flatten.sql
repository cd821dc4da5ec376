-- Job flatten: one CTE per node of its graph.

-- target: n3 (Out)
WITH
  -- People (n1, CatalogSource)
  people AS (
    SELECT *
    FROM crm.people
  ),

  -- Flatten (n2, Flatten)
  flatten AS (
    SELECT
      id,
      address['city'] AS address_city,
      address['geo']['lat'] AS address_geo_lat,
      address['geo']['lon'] AS address_geo_lon,
      tags,
      items
    FROM people
  )
SELECT *
FROM flatten
