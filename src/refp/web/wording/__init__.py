"""Results, rules, refusals and jobs in words for the pages."""
