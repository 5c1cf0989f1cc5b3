"""What counts: the commit protocol; it knows stores, not Kedro."""
