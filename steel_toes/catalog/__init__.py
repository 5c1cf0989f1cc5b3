"""Kedro's side: what is done with an entry, and how the law is put into a catalog."""
