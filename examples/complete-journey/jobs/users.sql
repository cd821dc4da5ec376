-- What is known of 801 of the 2,469 households.
SELECT
    CAST(household_id AS VARCHAR) AS "USER_ID",
    COALESCE(age, 'unknown') AS "AGE",
    COALESCE(income, 'unknown') AS "INCOME",
    COALESCE(household_comp, 'unknown') AS "HOUSEHOLD"
FROM demographics
