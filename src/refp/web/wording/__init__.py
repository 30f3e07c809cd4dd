"""Texts of the pages about results, rules, refusals and jobs."""
