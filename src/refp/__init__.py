"""refp."""
