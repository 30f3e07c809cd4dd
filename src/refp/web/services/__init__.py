"""Services that pages and API share."""
